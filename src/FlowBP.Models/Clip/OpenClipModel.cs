// The two-tower CLIP model with open_clip's names, the form in which HPSv2 is distributed: the text tower lies at the
// top level, q, k and v are one packed projection, and projections to the shared space are matrices applied from the
// right. The arithmetic is ClipTower's.
//
// Shapes: B batch, L tokens (or patches + 1), D width, P projection, C channels, Y X pixels.

using FlowBP.Formats;
using FlowBP.Models.Layers;

namespace FlowBP.Models.Clip;

/// <summary>CLIP as open_clip releases it.</summary>
public sealed class OpenClipModel : ClipEmbedder
{
    private readonly OpenClipVisionTower visual;
    private readonly Embedding token_embedding;
    private readonly Parameter positional_embedding;
    private readonly OpenClipTransformer transformer;
    private readonly LayerNorm ln_final;
    private readonly Parameter text_projection;

    /// <summary>Builds the network with the tensor library's default initialisation, in float32 on the CPU.</summary>
    public OpenClipModel(OpenClipConfig config)
        // The temperature that contrastive pretraining starts with.
        : base(nameof(OpenClipModel), Math.Log(1 / 0.07))
    {
        Config = config;
        var width = config.Text.Width;
        visual = new OpenClipVisionTower(config);
        token_embedding = NativeLayers.Embedding(config.VocabSize, width);
        positional_embedding = nn.Parameter(torch.zeros(config.ContextLength, width));
        transformer = new OpenClipTransformer(config.Text, config.QuickGelu, causal: true);
        ln_final = nn.LayerNorm(width);
        text_projection = nn.Parameter(torch.zeros(width, config.EmbedDim));
        RegisterComponents();
    }

    /// <summary>Sizes and options.</summary>
    public OpenClipConfig Config { get; }

    /// <inheritdoc/>
    public override int ImageSize => Config.ImageSize;

    /// <summary>Reads the weights of a model whose sizes are known.</summary>
    /// <param name="config">Sizes and options.</param>
    /// <param name="weights">A file, or a folder that holds the weights.</param>
    /// <exception cref="CheckpointException">The weights are missing, damaged, or do not fit.</exception>
    public static OpenClipModel FromWeights(OpenClipConfig config, string weights) =>
        StoredNetwork.Load(
            weights,
            weights,
            config.LeastElements,
            () => new OpenClipModel(config),
            model => Checkpoint.LoadInto(model, weights)
        );

    /// <inheritdoc/>
    protected override Tensor ProjectText(Tensor ids_BL)
    {
        var h_BLD = token_embedding.call(ids_BL) + positional_embedding.narrow(0, 0, ids_BL.shape[1]);
        h_BLD = ln_final.call(transformer.call(h_BLD));
        return ClipTower.PoolAtEnd(h_BLD, ids_BL, eosTokenId: null).mm(text_projection);
    }

    /// <inheritdoc/>
    protected override Tensor ProjectImage(Tensor pixels_BCYX) => visual.call(pixels_BCYX);
}

internal sealed class OpenClipVisionTower : nn.Module<Tensor, Tensor>
{
    private readonly Conv2d conv1;
    private readonly Parameter class_embedding;
    private readonly Parameter positional_embedding;
    private readonly LayerNorm ln_pre;
    private readonly OpenClipTransformer transformer;
    private readonly LayerNorm ln_post;
    private readonly Parameter proj;

    public OpenClipVisionTower(OpenClipConfig config)
        : base(nameof(OpenClipVisionTower))
    {
        var width = config.Vision.Width;
        var side = config.ImageSize / config.PatchSize;
        conv1 = nn.Conv2d(3, width, config.PatchSize, stride: config.PatchSize, bias: false);
        class_embedding = nn.Parameter(torch.zeros(width));
        positional_embedding = nn.Parameter(torch.zeros(side * side + 1, width));
        ln_pre = nn.LayerNorm(width);
        transformer = new OpenClipTransformer(config.Vision, config.QuickGelu, causal: false);
        ln_post = nn.LayerNorm(width);
        proj = nn.Parameter(torch.zeros(width, config.EmbedDim));
        RegisterComponents();
    }

    public override Tensor forward(Tensor pixels_BCYX)
    {
        var h_BLD = ClipTower.EmbedPatches(
            conv1.call(pixels_BCYX.to_type(class_embedding.dtype)),
            class_embedding,
            positional_embedding
        );
        h_BLD = transformer.call(ln_pre.call(h_BLD));
        return ln_post.call(h_BLD.select(1, 0)).mm(proj);
    }
}

internal sealed class OpenClipTransformer : nn.Module<Tensor, Tensor>
{
    private readonly ModuleList<OpenClipBlock> resblocks;

    public OpenClipTransformer(OpenClipTowerConfig config, bool quickGelu, bool causal)
        : base(nameof(OpenClipTransformer))
    {
        resblocks = new ModuleList<OpenClipBlock>([
            .. Enumerable.Range(0, config.Layers).Select(_ => new OpenClipBlock(config, quickGelu, causal)),
        ]);
        RegisterComponents();
    }

    public override Tensor forward(Tensor x_BLD) => resblocks.Aggregate(x_BLD, (x, block) => block.call(x));
}

internal sealed class OpenClipBlock : nn.Module<Tensor, Tensor>
{
    private readonly LayerNorm ln_1;
    private readonly OpenClipAttention attn;
    private readonly LayerNorm ln_2;
    private readonly OpenClipMlp mlp;

    public OpenClipBlock(OpenClipTowerConfig config, bool quickGelu, bool causal)
        : base(nameof(OpenClipBlock))
    {
        ln_1 = nn.LayerNorm(config.Width);
        attn = new OpenClipAttention(config, causal);
        ln_2 = nn.LayerNorm(config.Width);
        mlp = new OpenClipMlp(config, quickGelu);
        RegisterComponents();
    }

    public override Tensor forward(Tensor x_BLD)
    {
        using var scope = torch.NewDisposeScope();
        var h_BLD = x_BLD + attn.call(ln_1.call(x_BLD));
        return (h_BLD + mlp.call(ln_2.call(h_BLD))).MoveToOuterDisposeScope();
    }
}

internal sealed class OpenClipAttention : nn.Module<Tensor, Tensor>
{
    private readonly Parameter in_proj_weight;
    private readonly Parameter in_proj_bias;
    private readonly Linear out_proj;
    private readonly int heads;
    private readonly bool causal;

    public OpenClipAttention(OpenClipTowerConfig config, bool causal)
        : base(nameof(OpenClipAttention))
    {
        in_proj_weight = nn.Parameter(torch.zeros(3 * config.Width, config.Width));
        in_proj_bias = nn.Parameter(torch.zeros(3 * config.Width));
        out_proj = nn.Linear(config.Width, config.Width);
        heads = config.Heads;
        this.causal = causal;
        RegisterComponents();
    }

    public override Tensor forward(Tensor x_BLD)
    {
        var qkv_BLD = F.linear(x_BLD, in_proj_weight, in_proj_bias).chunk(3, -1);
        return out_proj.call(ClipTower.Attend(qkv_BLD[0], qkv_BLD[1], qkv_BLD[2], heads, causal));
    }
}

internal sealed class OpenClipMlp : nn.Module<Tensor, Tensor>
{
    private readonly Linear c_fc;
    private readonly Linear c_proj;
    private readonly Func<Tensor, Tensor> activation;

    public OpenClipMlp(OpenClipTowerConfig config, bool quickGelu)
        : base(nameof(OpenClipMlp))
    {
        var hidden = (int)(config.Width * config.MlpRatio);
        c_fc = nn.Linear(config.Width, hidden);
        c_proj = nn.Linear(hidden, config.Width);
        activation = ClipTower.Activation(quickGelu ? "quick_gelu" : "gelu", nameof(OpenClipMlp));
        RegisterComponents();
    }

    public override Tensor forward(Tensor x_BLD) => c_proj.call(activation(c_fc.call(x_BLD)));
}
