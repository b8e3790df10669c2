// The layers that both halves of the autoencoder are made of.
//
// Shapes: B batch, C channels, Y X pixels (of the level at hand), L = Y·X positions.

namespace FlowBP.Models.Autoencoders;

internal enum Resampling
{
    None,
    Down,
    Up,
}

/// <summary>Residual blocks of one resolution, then a change of resolution by two.</summary>
internal sealed class AutoencoderLevel : nn.Module<Tensor, Tensor>
{
    private readonly ModuleList<ResnetBlock2D> resnets;
    private readonly ModuleList<Downsample2D>? downsamplers;
    private readonly ModuleList<Upsample2D>? upsamplers;

    public AutoencoderLevel(int inChannels, int outChannels, int layers, int groups, Resampling resampling)
        : base(nameof(AutoencoderLevel))
    {
        resnets = new ModuleList<ResnetBlock2D>([
            .. Enumerable
                .Range(0, layers)
                .Select(i => new ResnetBlock2D(i == 0 ? inChannels : outChannels, outChannels, groups)),
        ]);
        downsamplers =
            resampling == Resampling.Down ? new ModuleList<Downsample2D>(new Downsample2D(outChannels)) : null;
        upsamplers = resampling == Resampling.Up ? new ModuleList<Upsample2D>(new Upsample2D(outChannels)) : null;
        RegisterComponents();
    }

    public override Tensor forward(Tensor h_BCYX)
    {
        foreach (var resnet in resnets)
        {
            h_BCYX = resnet.call(h_BCYX);
        }
        return downsamplers is not null ? downsamplers[0].call(h_BCYX)
            : upsamplers is not null ? upsamplers[0].call(h_BCYX)
            : h_BCYX;
    }
}

/// <summary>Two residual blocks at the lowest resolution, with optional self-attention between them.</summary>
internal sealed class AutoencoderMidBlock : nn.Module<Tensor, Tensor>
{
    private readonly ModuleList<ResnetBlock2D> resnets;
    private readonly ModuleList<SpatialAttention>? attentions;

    public AutoencoderMidBlock(int channels, int groups, bool attention)
        : base(nameof(AutoencoderMidBlock))
    {
        resnets = new ModuleList<ResnetBlock2D>(
            new ResnetBlock2D(channels, channels, groups),
            new ResnetBlock2D(channels, channels, groups)
        );
        attentions = attention ? new ModuleList<SpatialAttention>(new SpatialAttention(channels, groups)) : null;
        RegisterComponents();
    }

    public override Tensor forward(Tensor h_BCYX)
    {
        h_BCYX = resnets[0].call(h_BCYX);
        h_BCYX = attentions is null ? h_BCYX : attentions[0].call(h_BCYX);
        return resnets[1].call(h_BCYX);
    }
}

/// <summary>Norm, SiLU, 3×3 convolution, twice, around a (projected) shortcut.</summary>
internal sealed class ResnetBlock2D : nn.Module<Tensor, Tensor>
{
    private readonly GroupNorm norm1;
    private readonly Conv2d conv1;
    private readonly GroupNorm norm2;
    private readonly Conv2d conv2;
    private readonly Conv2d? conv_shortcut;

    public ResnetBlock2D(int inChannels, int outChannels, int groups)
        : base(nameof(ResnetBlock2D))
    {
        norm1 = nn.GroupNorm(groups, inChannels, eps: 1e-6);
        conv1 = nn.Conv2d(inChannels, outChannels, 3, padding: 1);
        norm2 = nn.GroupNorm(groups, outChannels, eps: 1e-6);
        conv2 = nn.Conv2d(outChannels, outChannels, 3, padding: 1);
        conv_shortcut = inChannels == outChannels ? null : nn.Conv2d(inChannels, outChannels, 1);
        RegisterComponents();
    }

    /// <summary>Whether pullbacks run the block again instead of keeping its activations; only while it is frozen.</summary>
    public bool Recomputes { get; set; }

    public override Tensor forward(Tensor x_BCYX) =>
        Recomputes && torch.is_grad_enabled() && x_BCYX.requires_grad && parameters().All(p => !p.requires_grad)
            ? Recomputation.Of(Apply, x_BCYX)
            : Apply(x_BCYX);

    private Tensor Apply(Tensor x_BCYX)
    {
        using var scope = torch.NewDisposeScope();
        var h_BCYX = conv1.call(F.silu(norm1.call(x_BCYX)));
        h_BCYX = conv2.call(F.silu(norm2.call(h_BCYX)));
        var shortcut_BCYX = conv_shortcut is null ? x_BCYX : conv_shortcut.call(x_BCYX);
        return (shortcut_BCYX + h_BCYX).MoveToOuterDisposeScope();
    }
}

/// <summary>Halves the resolution; the window overhangs at the right and at the bottom only.</summary>
internal sealed class Downsample2D : nn.Module<Tensor, Tensor>
{
    private readonly Conv2d conv;

    public Downsample2D(int channels)
        : base(nameof(Downsample2D))
    {
        conv = nn.Conv2d(channels, channels, 3, stride: 2);
        RegisterComponents();
    }

    public override Tensor forward(Tensor h_BCYX)
    {
        using var scope = torch.NewDisposeScope();
        return conv.call(F.pad(h_BCYX, [0, 1, 0, 1])).MoveToOuterDisposeScope();
    }
}

/// <summary>Doubles the resolution by repetition, then convolves.</summary>
internal sealed class Upsample2D : nn.Module<Tensor, Tensor>
{
    private readonly Conv2d conv;

    public Upsample2D(int channels)
        : base(nameof(Upsample2D))
    {
        conv = nn.Conv2d(channels, channels, 3, padding: 1);
        RegisterComponents();
    }

    public override Tensor forward(Tensor h_BCYX)
    {
        using var scope = torch.NewDisposeScope();
        var doubled_BCYX = F.interpolate(h_BCYX, scale_factor: [2.0, 2.0]);
        return conv.call(doubled_BCYX).MoveToOuterDisposeScope();
    }
}

/// <summary>Single-head self-attention over all positions, with a residual connection.</summary>
internal sealed class SpatialAttention : nn.Module<Tensor, Tensor>
{
    private readonly GroupNorm group_norm;
    private readonly Linear to_q;
    private readonly Linear to_k;
    private readonly Linear to_v;
    private readonly ModuleList<Linear> to_out;

    public SpatialAttention(int channels, int groups)
        : base(nameof(SpatialAttention))
    {
        group_norm = nn.GroupNorm(groups, channels, eps: 1e-6);
        to_q = nn.Linear(channels, channels);
        to_k = nn.Linear(channels, channels);
        to_v = nn.Linear(channels, channels);
        to_out = new ModuleList<Linear>(nn.Linear(channels, channels));
        RegisterComponents();
    }

    public override Tensor forward(Tensor x_BCYX)
    {
        using var scope = torch.NewDisposeScope();
        var h_BLC = group_norm.call(x_BCYX).flatten(2).transpose(1, 2);
        var q_BHLC = to_q.call(h_BLC).unsqueeze(1);
        var k_BHLC = to_k.call(h_BLC).unsqueeze(1);
        var v_BHLC = to_v.call(h_BLC).unsqueeze(1);
        var attended_BLC = F.scaled_dot_product_attention(q_BHLC, k_BHLC, v_BHLC).squeeze(1);
        var out_BCYX = to_out[0].call(attended_BLC).transpose(1, 2).reshape(x_BCYX.shape);
        return (x_BCYX + out_BCYX).MoveToOuterDisposeScope();
    }
}
