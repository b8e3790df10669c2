// Everything that an adapter's file holds is understood, or it is refused with what it is: a part that was left out would be an adapter
// that is silently weaker.

using FlowBP.Formats;

namespace FlowBP.Models.Adapters;

/// <summary>Knows files that are no plain LoRA of a network, by the names of their tensors.</summary>
internal static class ForeignAdapters
{
    /// <summary>Refuses a file that is something else.</summary>
    /// <param name="tensors">The file.</param>
    /// <param name="model">The network.</param>
    /// <param name="part">Its part in a pipeline.</param>
    /// <exception cref="CheckpointException">Says what it is.</exception>
    public static void Refuse(ICheckpointSource tensors, nn.Module model, string part)
    {
        string[] all = [.. tensors.Tensors.Keys];
        if (all.Select(FactorNames.OtherKind).FirstOrDefault(kind => kind is not null) is { } other)
        {
            var example = all.First(name => FactorNames.OtherKind(name) is not null);
            throw CheckpointException.ForFile(
                tensors.Path,
                $"is an adapter of another kind, {other}: plain LoRA only is read here (tensor '{CheckpointException.Shorten(example)}')"
            );
        }
        if (all.All(name => FactorNames.Parse(name) is null))
        {
            throw CheckpointException.ForFile(
                tensors.Path,
                $"is no low-rank adapter: none of its {all.Length} tensors is named …lora_A.weight, …lora_down.weight or in"
                    + " another form of LoRA"
            );
        }
        if (all.Select(LayerNames.OtherNetworkOf).FirstOrDefault(network => network is not null) is { } foreign)
        {
            throw CheckpointException.ForFile(
                tensors.Path,
                $"is an adapter of {foreign}, expected one of {model.GetName()}"
            );
        }
        string[] encoders = [.. all.Select(LayerNames.TextEncoderOf).OfType<string>().Distinct().Order()];
        if (encoders.Length > 0)
        {
            var alone = all.All(name => LayerNames.TextEncoderOf(name) is not null);
            throw CheckpointException.ForFile(
                tensors.Path,
                $"this adapter {(alone ? "changes" : "also changes")} {string.Join(" and ", encoders)}; changes of a text encoder"
                    + " are not supported, and without them it would paint something else: take one of the transformer alone"
            );
        }
        if (all.FirstOrDefault(name => FactorNames.Parse(name) is null) is { } unknown)
        {
            throw CheckpointException.ForTensor(
                tensors.Path,
                unknown,
                "a tensor that is no factor of a LoRA",
                $"names of the form {part}.<layer>.lora_A.weight, …lora_B.weight or …alpha, or another trainer's for these"
            );
        }
    }
}
