using FlowBP.Models;
using FlowBP.Surrogates;

namespace FlowBP.Training.Pipelines;

/// <summary>The text towers of a Stable Diffusion 3 model in memory; frozen.</summary>
/// <param name="model">The model, which owns and moves the towers.</param>
internal sealed class SD3TextTowers(SD3Pipeline model) : IPromptEncoder
{
    /// <inheritdoc/>
    public Conditioning Encode(IReadOnlyList<string> prompts)
    {
        var encoded = model.Encode([.. prompts]);
        return SD3Field.Condition(
            encoded.Text_BLE.DetachFromDisposeScope(),
            encoded.Pooled_BP.DetachFromDisposeScope()
        );
    }

    /// <inheritdoc/>
    public void To(Device device) { }

    /// <inheritdoc/>
    public void Dispose() { }
}
