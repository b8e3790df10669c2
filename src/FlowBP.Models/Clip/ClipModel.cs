// The two-tower CLIP model with transformers' names: the form in which PickScore is distributed, and the form of the
// rewards trained here.
//
// Shapes: B batch, L tokens (or patches + 1), D width, P projection, C channels, Y X pixels.

using FlowBP.Formats;
using FlowBP.Models.Layers;

namespace FlowBP.Models.Clip;

/// <summary>CLIP with text and vision towers, their projections, and the scale of the logits.</summary>
public sealed class CLIPModel : ClipEmbedder
{
    private readonly ClipTextTransformer text_model;
    private readonly ClipVisionTransformer vision_model;
    private readonly Linear text_projection;
    private readonly Linear visual_projection;

    /// <summary>Builds the network with the tensor library's default initialisation, in float32 on the CPU.</summary>
    public CLIPModel(ClipConfig config)
        : base(nameof(CLIPModel), config.LogitScaleInit)
    {
        Config = config;
        text_model = new ClipTextTransformer(config.Text);
        vision_model = new ClipVisionTransformer(config.Vision);
        text_projection = nn.Linear(config.Text.HiddenSize, config.ProjectionDim, hasBias: false);
        visual_projection = nn.Linear(config.Vision.HiddenSize, config.ProjectionDim, hasBias: false);
        RegisterComponents();
    }

    /// <summary>Sizes and options.</summary>
    public ClipConfig Config { get; }

    /// <inheritdoc/>
    public override int ImageSize => Config.Vision.ImageSize;

    /// <summary>What old checkpoints have besides: positions as lists of numbers.</summary>
    internal static WeightNames Names { get; } =
        new()
        {
            Ignored = ["text_model.embeddings.position_ids", "vision_model.embeddings.position_ids"],
            Prefixes = ["clip.", "model."],
        };

    /// <summary>Reads <c>config.json</c> and the weights from a folder.</summary>
    /// <param name="folder">The folder.</param>
    /// <param name="weights">A file of weights instead of those in the folder; null: those.</param>
    /// <exception cref="CheckpointException">A file is missing, damaged, or does not fit the other.</exception>
    public static CLIPModel FromFolder(string folder, string? weights = null)
    {
        var file = Path.Combine(folder, "config.json");
        var config = ClipConfig.Read(file);
        return StoredNetwork.Load(
            file,
            weights ?? folder,
            config.LeastElements,
            () => new CLIPModel(config),
            model => TransformersWeights.LoadInto(model, weights ?? folder, Names)
        );
    }

    /// <inheritdoc/>
    protected override Tensor ProjectText(Tensor ids_BL) => text_projection.call(text_model.call(ids_BL).Pooled);

    /// <inheritdoc/>
    protected override Tensor ProjectImage(Tensor pixels_BCYX) =>
        visual_projection.call(vision_model.call(pixels_BCYX));
}

internal sealed class ClipVisionTransformer : nn.Module<Tensor, Tensor>
{
    private readonly ClipVisionEmbeddings embeddings;

    // The checkpoints misspell this name, so it is misspelt here.
    private readonly LayerNorm pre_layrnorm;
    private readonly ClipEncoder encoder;
    private readonly LayerNorm post_layernorm;

    public ClipVisionTransformer(ClipVisionConfig config)
        : base(nameof(ClipVisionTransformer))
    {
        embeddings = new ClipVisionEmbeddings(config);
        pre_layrnorm = nn.LayerNorm(config.HiddenSize, eps: config.LayerNormEps);
        encoder = new ClipEncoder(
            new ClipEncoderShape(
                config.HiddenSize,
                config.IntermediateSize,
                config.NumHiddenLayers,
                config.NumAttentionHeads,
                config.LayerNormEps,
                config.HiddenAct,
                Causal: false
            )
        );
        post_layernorm = nn.LayerNorm(config.HiddenSize, eps: config.LayerNormEps);
        RegisterComponents();
    }

    public override Tensor forward(Tensor pixels_BCYX)
    {
        var hidden_BLD = encoder.call(pre_layrnorm.call(embeddings.call(pixels_BCYX)));
        return post_layernorm.call(hidden_BLD.select(1, 0));
    }
}

internal sealed class ClipVisionEmbeddings : nn.Module<Tensor, Tensor>
{
    private readonly Parameter class_embedding;
    private readonly Conv2d patch_embedding;
    private readonly Embedding position_embedding;

    public ClipVisionEmbeddings(ClipVisionConfig config)
        : base(nameof(ClipVisionEmbeddings))
    {
        class_embedding = nn.Parameter(torch.zeros(config.HiddenSize));
        patch_embedding = nn.Conv2d(
            config.NumChannels,
            config.HiddenSize,
            config.PatchSize,
            stride: config.PatchSize,
            bias: false
        );
        position_embedding = NativeLayers.Embedding(config.Patches + 1, config.HiddenSize);
        RegisterComponents();
    }

    public override Tensor forward(Tensor pixels_BCYX) =>
        ClipTower.EmbedPatches(
            patch_embedding.call(pixels_BCYX.to_type(class_embedding.dtype)),
            class_embedding,
            position_embedding.weight!
        );
}
