// Where conditionings come from: from text encoders in memory, or from embeddings that were computed before, when those
// encoders are too large to stay beside what is trained. Nothing downstream can tell.
// Shape legend: B batch.

using FlowBP.Surrogates;

namespace FlowBP.Training.Pipelines;

/// <summary>Turns prompts into what a velocity field reads.</summary>
public interface IPromptEncoder : IDisposable
{
    /// <summary>The conditioning of prompts, one branch, without autograd, in the tensors that the backbone's field names.</summary>
    /// <param name="prompts">B prompts; an empty one is the negative prompt of guidance.</param>
    /// <returns>Batch B, on the device it was moved to; the caller's.</returns>
    /// <exception cref="Models.Formats.CheckpointException">A prompt has no embedding, or its embedding does not fit.</exception>
    Conditioning Encode(IReadOnlyList<string> prompts);

    /// <summary>Moves all networks and tensors, in place.</summary>
    /// <param name="device">Where to.</param>
    void To(Device device);
}
