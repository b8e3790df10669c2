// The CLIP text tower without a projection, as FLUX.1 conditions on it: the normalised state at the end-of-text position.

using FlowBP.Formats;
using FlowBP.Models.Layers;

namespace FlowBP.Models.Clip;

/// <summary>CLIP text tower: <c>text_model.*</c>.</summary>
public sealed class CLIPTextModel : nn.Module<Tensor, Tensor>
{
    private readonly ClipTextTransformer text_model;

    /// <summary>Builds the network with the tensor library's default initialisation, in float32 on the CPU.</summary>
    public CLIPTextModel(ClipTextConfig config)
        : base(nameof(CLIPTextModel))
    {
        Config = config;
        text_model = new ClipTextTransformer(config);
        RegisterComponents();
    }

    /// <summary>Sizes and options.</summary>
    public ClipTextConfig Config { get; }

    /// <summary>What checkpoints of towers with more parts, and old ones, have besides.</summary>
    internal static WeightNames Names { get; } =
        new()
        {
            Ignored =
            [
                "text_model.embeddings.position_ids",
                "text_projection.",
                "vision_model.",
                "visual_projection.",
                "logit_scale",
            ],
            Prefixes = ClipTextTransformer.Prefixes,
        };

    /// <summary>Reads <c>config.json</c> and the weights from a folder.</summary>
    /// <exception cref="CheckpointException">A file is missing, damaged, or does not fit the other.</exception>
    public static CLIPTextModel FromFolder(string folder) =>
        Unfinished.Filled(
            new CLIPTextModel(ClipTextConfig.Read(Path.Combine(folder, "config.json"))),
            model => TransformersWeights.LoadInto(model, folder, Names)
        );

    /// <summary>Hidden states and pooled state.</summary>
    /// <param name="ids_BL">Token ids, int64, at most the configured number of positions.</param>
    public ClipTextStates Encode(Tensor ids_BL) => text_model.call(ids_BL);

    /// <summary>The pooled state of each prompt.</summary>
    /// <param name="ids_BL">Token ids, int64.</param>
    /// <returns>[B, D].</returns>
    public override Tensor forward(Tensor ids_BL)
    {
        using var scope = torch.NewDisposeScope();
        return Encode(ids_BL).Pooled.MoveToOuterDisposeScope();
    }
}
