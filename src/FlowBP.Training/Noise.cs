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

    /// <summary>
    /// [copies, count, …] in float32, in main memory: copy n of sample b draws from stream n·(all samples) + b, whatever the number
    /// of copies.
    /// </summary>
    /// <param name="latent">Shape of one latent.</param>
    /// <param name="copies">Number of copies.</param>
    /// <param name="count">Number of samples.</param>
    /// <param name="all">Number of samples in the global batch.</param>
    /// <param name="seed">Seed of the run.</param>
    /// <param name="step">Training step.</param>
    /// <param name="firstSample">Index of the first sample in the global batch.</param>
    /// <param name="purpose">What the noise is for.</param>
    public static Tensor Copies(
        long[] latent,
        int copies,
        int count,
        int all,
        ulong seed,
        long step,
        long firstSample,
        RandomPurpose purpose
    ) =>
        torch.stack([
            .. Enumerable
                .Range(0, copies)
                .Select(copy => Of(latent, count, seed, step, ((long)copy * all) + firstSample, purpose)),
        ]);
}
