// The CLIP text tower with transformers' names, as Stable Diffusion 3 conditions on it: the hidden states before the
// last layer as the token sequence, the projected end-of-text state as the pooled vector.
//
// Shapes: B batch, L tokens, D width, P projection.

using FlowBP.Formats;
using FlowBP.Models.Layers;

namespace FlowBP.Models.Clip;

/// <summary>Everything a text tower says about a batch of prompts.</summary>
/// <param name="HiddenStates">Embeddings first, then the output of every layer, each [B, L, D].</param>
/// <param name="LastHiddenState">The last of them after the final normalisation, [B, L, D].</param>
/// <param name="Pooled">Its end-of-text position, [B, D].</param>
public sealed record ClipTextStates(IReadOnlyList<Tensor> HiddenStates, Tensor LastHiddenState, Tensor Pooled)
{
    /// <summary>The output of the last layer but one, without final normalisation, [B, L, D].</summary>
    public Tensor Penultimate => HiddenStates[^2];
}

internal sealed class ClipTextTransformer : nn.Module<Tensor, ClipTextStates>
{
    private readonly ClipTextEmbeddings embeddings;
    private readonly ClipEncoder encoder;
    private readonly LayerNorm final_layer_norm;
    private readonly int? eosTokenId;

    /// <summary>
    /// What names begin with or lack, as who saved a tower saw it: transformers has removed the wrapper <c>text_model</c> of a
    /// tower without projection, and single files keep towers under the name of their part.
    /// </summary>
    public static readonly IReadOnlyList<string> Prefixes = ["text_model.", "clip.", "transformer."];

    public ClipTextTransformer(ClipTextConfig config)
        : base(nameof(ClipTextTransformer))
    {
        embeddings = new ClipTextEmbeddings(config);
        encoder = new ClipEncoder(
            new ClipEncoderShape(
                config.HiddenSize,
                config.IntermediateSize,
                config.NumHiddenLayers,
                config.NumAttentionHeads,
                config.LayerNormEps,
                config.HiddenAct,
                Causal: true
            )
        );
        final_layer_norm = nn.LayerNorm(config.HiddenSize, eps: config.LayerNormEps);
        // Configurations written before the field was meant seriously all say 2; their pooling was at the largest id.
        eosTokenId = config.EosTokenId == 2 ? null : config.EosTokenId;
        RegisterComponents();
    }

    public override ClipTextStates forward(Tensor ids_BL)
    {
        using var scope = torch.NewDisposeScope();
        var states = new List<Tensor> { embeddings.call(ids_BL) };
        foreach (var layer in encoder.Layers)
        {
            states.Add(layer.call(states[^1]));
        }
        var last_BLD = final_layer_norm.call(states[^1]);
        var pooled_BD = ClipTower.PoolAtEnd(last_BLD, ids_BL, eosTokenId);
        states.ForEach(state => state.MoveToOuterDisposeScope());
        return new ClipTextStates(states, last_BLD.MoveToOuterDisposeScope(), pooled_BD.MoveToOuterDisposeScope());
    }
}

internal sealed class ClipTextEmbeddings : nn.Module<Tensor, Tensor>
{
    private readonly Embedding token_embedding;
    private readonly Embedding position_embedding;

    public ClipTextEmbeddings(ClipTextConfig config)
        : base(nameof(ClipTextEmbeddings))
    {
        token_embedding = NativeLayers.Embedding(config.VocabSize, config.HiddenSize);
        position_embedding = NativeLayers.Embedding(config.MaxPositionEmbeddings, config.HiddenSize);
        RegisterComponents();
    }

    public override Tensor forward(Tensor ids_BL) =>
        token_embedding.call(ids_BL) + position_embedding.weight!.narrow(0, 0, ids_BL.shape[1]);
}

/// <summary>What text towers with and without projection share: <c>text_model.*</c>.</summary>
public abstract class ClipTextTower : nn.Module<Tensor, Tensor>
{
    // Not private: TorchSharp registers the fields that the class of the object sees.
    private protected readonly ClipTextTransformer text_model;

    /// <summary>Builds the tower; the class of the object registers it with parts of its own.</summary>
    /// <param name="name">Name for messages.</param>
    /// <param name="config">Sizes and options.</param>
    private protected ClipTextTower(string name, ClipTextConfig config)
        : base(name)
    {
        Config = config;
        text_model = new ClipTextTransformer(config);
    }

    /// <summary>Sizes and options.</summary>
    public ClipTextConfig Config { get; }

    /// <summary>Hidden states and pooled state.</summary>
    /// <param name="ids_BL">Token ids, int64, at most the configured number of positions.</param>
    public ClipTextStates Encode(Tensor ids_BL) => text_model.call(ids_BL);

    private protected static T Filled<T>(string folder, Func<ClipTextConfig, T> build, WeightNames names)
        where T : ClipTextTower
    {
        var file = Path.Combine(folder, "config.json");
        var config = ClipTextConfig.Read(file);
        return StoredNetwork.Load(
            file,
            folder,
            config.LeastElements,
            () => build(config),
            model => TransformersWeights.LoadInto(model, folder, names)
        );
    }
}

/// <summary>CLIP text tower with its projection: <c>text_model.*</c> and <c>text_projection.weight</c>.</summary>
public sealed class CLIPTextModelWithProjection : ClipTextTower
{
    private readonly Linear text_projection;

    /// <summary>Builds the network with the tensor library's default initialisation, in float32 on the CPU.</summary>
    public CLIPTextModelWithProjection(ClipTextConfig config)
        : base(nameof(CLIPTextModelWithProjection), config)
    {
        text_projection = nn.Linear(config.HiddenSize, config.ProjectionDim, hasBias: false);
        RegisterComponents();
    }

    /// <summary>What old checkpoints have besides: positions as a list of numbers.</summary>
    internal static WeightNames Names { get; } =
        new() { Ignored = ["text_model.embeddings.position_ids"], Prefixes = ClipTextTransformer.Prefixes };

    /// <summary>Reads <c>config.json</c> and the weights from a folder.</summary>
    /// <exception cref="CheckpointException">A file is missing, damaged, or does not fit the other.</exception>
    public static CLIPTextModelWithProjection FromFolder(string folder) =>
        Filled(folder, config => new CLIPTextModelWithProjection(config), Names);

    /// <summary>Projects pooled states into the space shared with images.</summary>
    /// <param name="pooled_BD"><see cref="ClipTextStates.Pooled"/>.</param>
    /// <returns>[B, P], not normalised.</returns>
    public Tensor Project(Tensor pooled_BD) => text_projection.call(pooled_BD);

    /// <summary>The text embedding of each prompt.</summary>
    /// <param name="ids_BL">Token ids, int64.</param>
    /// <returns>[B, P], not normalised.</returns>
    public override Tensor forward(Tensor ids_BL)
    {
        using var scope = torch.NewDisposeScope();
        return Project(Encode(ids_BL).Pooled).MoveToOuterDisposeScope();
    }
}

/// <summary>CLIP text tower without projection, as FLUX.1 conditions on it.</summary>
public sealed class CLIPTextModel : ClipTextTower
{
    /// <summary>Builds the network with the tensor library's default initialisation, in float32 on the CPU.</summary>
    public CLIPTextModel(ClipTextConfig config)
        : base(nameof(CLIPTextModel), config) => RegisterComponents();

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
    public static CLIPTextModel FromFolder(string folder) => Filled(folder, config => new CLIPTextModel(config), Names);

    /// <summary>The pooled state of each prompt.</summary>
    /// <param name="ids_BL">Token ids, int64.</param>
    /// <returns>[B, D].</returns>
    public override Tensor forward(Tensor ids_BL)
    {
        using var scope = torch.NewDisposeScope();
        return Encode(ids_BL).Pooled.MoveToOuterDisposeScope();
    }
}
