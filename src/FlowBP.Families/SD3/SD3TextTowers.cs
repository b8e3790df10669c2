using FlowBP.Models.Prompts;

namespace FlowBP.Families.SD3;

/// <summary>The text towers of a Stable Diffusion 3 model in memory.</summary>
/// <param name="model">The model, which owns and moves the towers.</param>
internal sealed class SD3TextTowers(SD3Pipeline model) : IPromptSource
{
    // Holds the model's own towers, so it is the model that disposes them.
    private readonly Lazy<SD3PromptEncoder> encoder = new(() => model.PromptEncoder());

    /// <inheritdoc/>
    public IReadOnlyDictionary<string, Tensor> Encode(IReadOnlyList<string> prompts) => encoder.Value.Encode(prompts);

    /// <inheritdoc/>
    public IEnumerable<Truncation> Truncations(string prompt) => encoder.Value.Truncations(prompt);

    /// <inheritdoc/>
    public void To(Device device) { }

    /// <inheritdoc/>
    public void Dispose() { }
}
