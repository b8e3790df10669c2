// Velocity fields of a transformer: as training pulls it back, and as one graph, which is the reference.

using FlowBP.Families;
using FlowBP.Families.Networks;
using FlowBP.Surrogates;

namespace FlowBP.Training.Tests;

/// <summary>Fields of transformers.</summary>
internal static class Fields
{
    /// <summary>Pulled back block by block.</summary>
    public static BlockwiseVelocityField Blockwise(
        FlowTransformer transformer,
        GradientCheckpointing? checkpointing = null,
        IParameterGradients? gradients = null,
        double guidance = 1
    ) => new(new BlockwiseTransformer(transformer, guidance), checkpointing, gradients);

    /// <summary>Pulled back by plain autograd through the network's own forward pass.</summary>
    public static AutogradVelocityField Whole(FlowTransformer transformer, double guidance = 1) =>
        new(
            (x_BCYX, sigma_B, conditioning) =>
            {
                using var scope = torch.NewDisposeScope();
                var velocity = transformer.call(transformer.Input(x_BCYX, sigma_B, conditioning, guidance));
                return transformer.Velocity(velocity, x_BCYX.shape).MoveToOuterDisposeScope();
            }
        );
}
