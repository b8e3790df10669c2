// What the parts of a FLUX folder must agree on: its transformer's tokens are patches of its autoencoder's latents.

using FlowBP.Formats;
using FlowBP.Models.Layers;

namespace FlowBP.Families;

/// <summary>What transformer and autoencoder must agree on.</summary>
internal static class PatchedLatents
{
    /// <summary>Refuses a transformer whose tokens are not patches of the autoencoder's latents.</summary>
    /// <exception cref="CheckpointException">They are not.</exception>
    public static void Require(DiffusersFolder layout, int inChannels, int latentChannels)
    {
        var expected = LatentPatches.Side * LatentPatches.Side * latentChannels;
        if (inChannels != expected)
        {
            throw CheckpointException.ForFile(
                Path.Combine(layout.Transformer, "config.json"),
                $"key 'in_channels': found {inChannels}, expected {expected}: patches of {LatentPatches.Side} × "
                    + $"{LatentPatches.Side} elements of the autoencoder's {latentChannels} latent channels"
            );
        }
    }
}
