// A CLIP transformer with transformers' parameter names: pre-norm layers of attention and MLP.
//
// Shapes: B batch, L tokens, D width.

namespace FlowBP.Models.Clip;

/// <summary>What the layers of a text or vision tower have in common.</summary>
internal sealed record ClipEncoderShape(
    int Width,
    int IntermediateSize,
    int Layers,
    int Heads,
    double LayerNormEps,
    string HiddenAct,
    bool Causal
);

internal sealed class ClipEncoder : nn.Module<Tensor, Tensor>
{
    private readonly ModuleList<ClipEncoderLayer> layers;

    public ClipEncoder(ClipEncoderShape shape)
        : base(nameof(ClipEncoder))
    {
        layers = new ModuleList<ClipEncoderLayer>([
            .. Enumerable.Range(0, shape.Layers).Select(_ => new ClipEncoderLayer(shape)),
        ]);
        RegisterComponents();
    }

    /// <summary>The layers, in order.</summary>
    public IEnumerable<ClipEncoderLayer> Layers => layers;

    public override Tensor forward(Tensor x_BLD) => layers.Aggregate(x_BLD, (x, layer) => layer.call(x));
}

internal sealed class ClipEncoderLayer : nn.Module<Tensor, Tensor>
{
    private readonly LayerNorm layer_norm1;
    private readonly ClipSelfAttention self_attn;
    private readonly LayerNorm layer_norm2;
    private readonly ClipMlp mlp;

    public ClipEncoderLayer(ClipEncoderShape shape)
        : base(nameof(ClipEncoderLayer))
    {
        layer_norm1 = nn.LayerNorm(shape.Width, eps: shape.LayerNormEps);
        self_attn = new ClipSelfAttention(shape);
        layer_norm2 = nn.LayerNorm(shape.Width, eps: shape.LayerNormEps);
        mlp = new ClipMlp(shape);
        RegisterComponents();
    }

    public override Tensor forward(Tensor x_BLD)
    {
        using var scope = torch.NewDisposeScope();
        var h_BLD = x_BLD + self_attn.call(layer_norm1.call(x_BLD));
        return (h_BLD + mlp.call(layer_norm2.call(h_BLD))).MoveToOuterDisposeScope();
    }
}

internal sealed class ClipSelfAttention : nn.Module<Tensor, Tensor>
{
    private readonly Linear q_proj;
    private readonly Linear k_proj;
    private readonly Linear v_proj;
    private readonly Linear out_proj;
    private readonly int heads;
    private readonly bool causal;

    public ClipSelfAttention(ClipEncoderShape shape)
        : base(nameof(ClipSelfAttention))
    {
        q_proj = nn.Linear(shape.Width, shape.Width);
        k_proj = nn.Linear(shape.Width, shape.Width);
        v_proj = nn.Linear(shape.Width, shape.Width);
        out_proj = nn.Linear(shape.Width, shape.Width);
        heads = shape.Heads;
        causal = shape.Causal;
        RegisterComponents();
    }

    public override Tensor forward(Tensor x_BLD) =>
        out_proj.call(ClipTower.Attend(q_proj.call(x_BLD), k_proj.call(x_BLD), v_proj.call(x_BLD), heads, causal));
}

internal sealed class ClipMlp : nn.Module<Tensor, Tensor>
{
    private readonly Linear fc1;
    private readonly Linear fc2;
    private readonly Func<Tensor, Tensor> activation;

    public ClipMlp(ClipEncoderShape shape)
        : base(nameof(ClipMlp))
    {
        fc1 = nn.Linear(shape.Width, shape.IntermediateSize);
        fc2 = nn.Linear(shape.IntermediateSize, shape.Width);
        activation = ClipTower.Activation(shape.HiddenAct, nameof(ClipMlp));
        RegisterComponents();
    }

    public override Tensor forward(Tensor x_BLD) => fc2.call(activation(fc1.call(x_BLD)));
}
