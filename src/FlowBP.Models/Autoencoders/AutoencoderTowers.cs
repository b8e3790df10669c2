// Encoder and decoder of the autoencoder: a convolution in, levels of residual blocks, a block with optional attention
// at the lowest resolution, a normalised convolution out. The decoder mirrors the encoder with one more residual block
// per level.
//
// Shapes: B batch, C channels, Y X pixels (of the level at hand).

namespace FlowBP.Models.Autoencoders;

internal sealed class AutoencoderEncoder : nn.Module<Tensor, Tensor>
{
    private readonly Conv2d conv_in;
    private readonly ModuleList<AutoencoderLevel> down_blocks;
    private readonly AutoencoderMidBlock mid_block;
    private readonly GroupNorm conv_norm_out;
    private readonly Conv2d conv_out;

    public AutoencoderEncoder(AutoencoderKLConfig config)
        : base(nameof(AutoencoderEncoder))
    {
        var channels = config.BlockOutChannels;
        conv_in = nn.Conv2d(config.InChannels, channels[0], 3, padding: 1);
        down_blocks = new ModuleList<AutoencoderLevel>([
            .. channels.Select(
                (c, level) =>
                    new AutoencoderLevel(
                        channels[Math.Max(level - 1, 0)],
                        c,
                        config.LayersPerBlock,
                        config.NormNumGroups,
                        level < channels.Count - 1 ? Resampling.Down : Resampling.None
                    )
            ),
        ]);
        mid_block = new AutoencoderMidBlock(channels[^1], config.NormNumGroups, config.MidBlockAddAttention);
        conv_norm_out = nn.GroupNorm(config.NormNumGroups, channels[^1], eps: 1e-6);
        conv_out = nn.Conv2d(channels[^1], 2 * config.LatentChannels, 3, padding: 1);
        RegisterComponents();
    }

    public override Tensor forward(Tensor image_BCYX)
    {
        var h_BCYX = conv_in.call(image_BCYX);
        foreach (var level in down_blocks)
        {
            h_BCYX = level.call(h_BCYX);
        }
        h_BCYX = mid_block.call(h_BCYX);
        return conv_out.call(F.silu(conv_norm_out.call(h_BCYX)));
    }
}

internal sealed class AutoencoderDecoder : nn.Module<Tensor, Tensor>
{
    private readonly Conv2d conv_in;
    private readonly AutoencoderMidBlock mid_block;
    private readonly ModuleList<AutoencoderLevel> up_blocks;
    private readonly GroupNorm conv_norm_out;
    private readonly Conv2d conv_out;

    public AutoencoderDecoder(AutoencoderKLConfig config)
        : base(nameof(AutoencoderDecoder))
    {
        int[] channels = [.. config.BlockOutChannels.Reverse()];
        conv_in = nn.Conv2d(config.LatentChannels, channels[0], 3, padding: 1);
        mid_block = new AutoencoderMidBlock(channels[0], config.NormNumGroups, config.MidBlockAddAttention);
        up_blocks = new ModuleList<AutoencoderLevel>([
            .. channels.Select(
                (c, level) =>
                    new AutoencoderLevel(
                        channels[Math.Max(level - 1, 0)],
                        c,
                        config.LayersPerBlock + 1,
                        config.NormNumGroups,
                        level < channels.Length - 1 ? Resampling.Up : Resampling.None
                    )
            ),
        ]);
        conv_norm_out = nn.GroupNorm(config.NormNumGroups, channels[^1], eps: 1e-6);
        conv_out = nn.Conv2d(channels[^1], config.OutChannels, 3, padding: 1);
        RegisterComponents();
    }

    /// <summary>Type of the parameters, and of what they compute.</summary>
    public ScalarType Type => conv_in.weight.dtype;

    /// <summary>Whether pullbacks recompute the residual blocks' activations; only while they are frozen.</summary>
    public bool Recomputes
    {
        get => Blocks.All(block => block.Recomputes);
        set
        {
            foreach (var block in Blocks)
            {
                block.Recomputes = value;
            }
        }
    }

    private IEnumerable<ResnetBlock2D> Blocks => modules().OfType<ResnetBlock2D>();

    public override Tensor forward(Tensor z_BCYX)
    {
        var h_BCYX = mid_block.call(conv_in.call(z_BCYX));
        foreach (var level in up_blocks)
        {
            h_BCYX = level.call(h_BCYX);
        }
        return conv_out.call(F.silu(conv_norm_out.call(h_BCYX)));
    }
}
