// How a latent, a time and a pooled prompt enter the joint transformer.
//
// Shapes: B batch, C channels, Y X patches, L image tokens, D width, P pooled width.

using FlowBP.Models.Transformers;

namespace FlowBP.Families.SD3;

/// <summary>Patches of the latent as tokens, plus the centre crop of a learnt-size table of sinusoidal positions.</summary>
internal sealed class PatchEmbed : nn.Module
{
    private readonly Conv2d proj;
    private readonly Tensor pos_embed;
    private readonly int patchSize;
    private readonly int maxSize;

    public PatchEmbed(SD3TransformerConfig config)
        : base(nameof(PatchEmbed))
    {
        patchSize = config.PatchSize;
        maxSize = config.PosEmbedMaxSize;
        proj = nn.Conv2d(config.InChannels, config.InnerDim, config.PatchSize, stride: config.PatchSize);
        // The released table is a gigabyte; a network without memory must not cost that much either.
        pos_embed =
            torch.get_default_device().type == DeviceType.META
                ? torch.empty([1, maxSize * maxSize, config.InnerDim])
                : torch
                    .tensor(SinusoidalTable(config.InnerDim, maxSize, config.SampleSize / config.PatchSize))
                    .reshape(1, maxSize * maxSize, config.InnerDim);
        RegisterComponents();
    }

    /// <summary>Tokens of latents.</summary>
    public T Embed<T>(INetworkOperations<T> ops, T latents_BCYX)
        where T : class => ops.Patches(proj, latents_BCYX, Crop);

    private Tensor Crop(long height, long width)
    {
        if (height > maxSize || width > maxSize)
        {
            throw new ArgumentException(
                $"found {height} × {width} patches of {patchSize}, expected at most {maxSize} × {maxSize} "
                    + "(pos_embed_max_size)"
            );
        }
        var table_1YXD = pos_embed.reshape(1, maxSize, maxSize, -1);
        return table_1YXD
            .narrow(1, (maxSize - height) / 2, height)
            .narrow(2, (maxSize - width) / 2, width)
            .reshape(1, height * width, -1);
    }

    /// <summary>
    /// Positions in units of the base size: the first half of the width encodes x, the second y, each as sines then
    /// cosines of frequencies 10000^(−i / (width/4)). Computed in float64, rounded once.
    /// </summary>
    private static float[] SinusoidalTable(int width, int size, int baseSize)
    {
        var quarter = width / 4;
        var table = new float[size * size * width];
        for (var y = 0; y < size; y++)
        {
            for (var x = 0; x < size; x++)
            {
                var row = table.AsSpan((y * size + x) * width, width);
                for (var i = 0; i < quarter; i++)
                {
                    var frequency = Math.Pow(10000, -(double)i / quarter);
                    var phaseX = (double)x * baseSize / size * frequency;
                    var phaseY = (double)y * baseSize / size * frequency;
                    row[i] = (float)Math.Sin(phaseX);
                    row[quarter + i] = (float)Math.Cos(phaseX);
                    row[2 * quarter + i] = (float)Math.Sin(phaseY);
                    row[3 * quarter + i] = (float)Math.Cos(phaseY);
                }
            }
        }
        return table;
    }
}

/// <summary>Sum of two small MLPs: one over the sinusoids of the time, one over the pooled text.</summary>
internal sealed class TimeTextEmbedding : nn.Module
{
    private const int Sinusoids = 256;

    private readonly TwoLayerEmbedding timestep_embedder;
    private readonly TwoLayerEmbedding text_embedder;

    public TimeTextEmbedding(int width, int pooledWidth)
        : base(nameof(TimeTextEmbedding))
    {
        timestep_embedder = new TwoLayerEmbedding(Sinusoids, width);
        text_embedder = new TwoLayerEmbedding(pooledWidth, width);
        RegisterComponents();
    }

    /// <summary>The vector of every block's modulation.</summary>
    public T Embed<T>(INetworkOperations<T> ops, T timestep_B, T pooled_BP)
        where T : class => ops.Add(timestep_embedder.EmbedScalar(ops, timestep_B), text_embedder.Embed(ops, pooled_BP));
}
