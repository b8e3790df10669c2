// How much of an alignment is kept: weights between those of the base and the aligned ones.

using FlowBP.Formats;

namespace FlowBP.Families;

/// <summary>Interpolates between the weights of a base and of a model that was aligned from it.</summary>
public static class WeightInterpolation
{
    /// <summary>
    /// Puts the weights of a model's transformer between those of its base and its own: <c>w ← base + t·(w − base)</c>, in
    /// float32 and rounded once to the type of the weights.
    /// </summary>
    /// <param name="model">The model that was aligned.</param>
    /// <param name="folder">Folder of the base, of the same family and sizes.</param>
    /// <param name="strength">t; 0: the base's weights, to the bit where the types are the same.</param>
    /// <exception cref="CheckpointException">The base is missing or damaged, or its network is another one.</exception>
    public static void Apply(FlowModel model, string folder, double strength)
    {
        var layout = new DiffusersFolder(folder);
        var family = ModelFamilies.Reading(layout);
        if (family != model.Family)
        {
            throw CheckpointException.ForFile(
                folder,
                $"found a model of {family.Name}, expected one of {model.Family.Name}"
            );
        }
        using var scope = torch.NewDisposeScope();
        using var noGrad = torch.no_grad();
        using var network = family.LoadTransformer(layout.Transformer);
        var from = network.named_parameters().ToDictionary(own => own.name, own => (Tensor)own.parameter);
        foreach (var (name, parameter) in model.Transformer.named_parameters())
        {
            using var inner = torch.NewDisposeScope();
            if (!from.TryGetValue(name, out var start) || !start.shape.SequenceEqual(parameter.shape))
            {
                throw CheckpointException.ForFile(
                    layout.Transformer,
                    $"found no tensor '{name}' [{string.Join(", ", parameter.shape)}], expected the network that was aligned"
                );
            }
            var base32 = start.to(ScalarType.Float32);
            parameter.copy_(base32 + (parameter.to(ScalarType.Float32) - base32) * strength);
        }
    }
}
