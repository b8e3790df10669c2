using System.Runtime.InteropServices;
using FlowBP.RandomStreams;

namespace FlowBP.Training;

/// <summary>Standard normal latents, each sample from its own stream: the same whatever the batch is cut into.</summary>
internal static class Noise
{
    /// <summary>[count, …] in float32, in main memory.</summary>
    /// <param name="latent">Shape of one latent.</param>
    /// <param name="count">Number of samples.</param>
    /// <param name="seed">Seed of the run.</param>
    /// <param name="step">Training step.</param>
    /// <param name="firstSample">Index of the first sample in the global batch.</param>
    /// <param name="purpose">What the noise is for.</param>
    public static Tensor Of(
        long[] latent,
        int count,
        ulong seed,
        long step,
        long firstSample = 0,
        RandomPurpose purpose = RandomPurpose.InitialNoise
    )
    {
        var noise = torch.empty([count, .. latent], ScalarType.Float32);
        var all = MemoryMarshal.Cast<byte, float>(noise.bytes);
        var length = all.Length / Math.Max(1, count);
        for (var b = 0; b < count; b++)
        {
            RandomStream.For(seed, step, firstSample + b, purpose).FillNormal(all.Slice(b * length, length));
        }
        return noise;
    }
}
