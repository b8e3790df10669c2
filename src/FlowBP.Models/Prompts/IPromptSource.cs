// What a model makes of prompts, whatever encoders it has: a few named tensors per prompt. Training with embeddings that were
// computed before reads the same names.

namespace FlowBP.Models.Prompts;

/// <summary>Names of the tensors that prompts become, as diffusers' pipelines name them.</summary>
public static class PromptTensors
{
    /// <summary>The text sequence, [tokens, width] per prompt.</summary>
    public const string Text = "prompt_embeds";

    /// <summary>The pooled text, [width] per prompt; FLUX.2 has none.</summary>
    public const string Pooled = "pooled_prompt_embeds";
}

/// <summary>
/// Turns prompts into embeddings: text encoders in memory, or embeddings that were computed before, when those encoders are too large
/// to stay beside what is trained. Nothing downstream can tell.
/// </summary>
public interface IPromptSource : IDisposable
{
    /// <summary>The embeddings of prompts, without autograd.</summary>
    /// <param name="prompts">At least one prompt; an empty one is the negative prompt of guidance.</param>
    /// <returns>
    /// Tensors by <see cref="PromptTensors"/> names, the prompts first: [B, L, D], [B, P], on the device that was moved to; the
    /// caller's.
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

/// <summary>An encoder that takes fewer tokens than a prompt has.</summary>
/// <param name="Encoder">Which encoder.</param>
/// <param name="Tokens">What the prompt has.</param>
/// <param name="Taken">What the encoder takes.</param>
public readonly record struct Truncation(string Encoder, int Tokens, int Taken)
{
    /// <summary>The truncation, if there is one.</summary>
    internal static IEnumerable<Truncation> Of(string encoder, int tokens, int taken) =>
        tokens > taken ? [new Truncation(encoder, tokens, taken)] : [];

    /// <inheritdoc/>
    public override string ToString() => $"{Encoder} takes {Taken} of its {Tokens} tokens";
}
