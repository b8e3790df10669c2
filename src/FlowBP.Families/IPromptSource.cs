// Where a backbone's prompts come from: text encoders in memory, or embeddings that were computed before, when those encoders are
// too large to stay beside what is trained. Nothing downstream can tell.
// Shape legend: B batch.

using FlowBP.Models.Prompts;

namespace FlowBP.Families;

/// <summary>Turns prompts into embeddings.</summary>
public interface IPromptSource : IDisposable
{
    /// <summary>The embeddings of prompts, without autograd.</summary>
    /// <param name="prompts">B prompts; an empty one is the negative prompt of guidance.</param>
    /// <returns>
    /// Tensors by the names of diffusers' pipelines (<see cref="PromptEmbeds"/>), batch first, on the device that was moved
    /// to; the caller's.
    /// </returns>
    /// <exception cref="Formats.CheckpointException">A prompt has no embedding.</exception>
    IReadOnlyDictionary<string, Tensor> Encode(IReadOnlyList<string> prompts);

    /// <summary>Which encoders see less than a whole prompt; empty if all see all of it, or if none is at hand.</summary>
    /// <param name="prompt">The prompt.</param>
    IEnumerable<Truncation> Truncations(string prompt) => [];

    /// <summary>Moves all networks, in place; results are there from now on.</summary>
    /// <param name="device">Where to.</param>
    void To(Device device);
}
