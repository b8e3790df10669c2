// A Qwen3 language model as a text encoder: what is wanted are the hidden states of a few layers in the middle, so layers
// after the last of them and the output projection are neither built nor read; the final normalisation is where the last layer is.
//
// Shapes: B batch, L tokens, D width, H query heads, G key and value heads, K width of a head, S selected layers.

using FlowBP.Formats;
using FlowBP.Models.Clip;
using FlowBP.Models.Layers;
using FlowBP.Models.Transformers;

namespace FlowBP.Models.TextEncoders;

/// <summary>Qwen3 without its output projection: <c>model.*</c>.</summary>
public sealed class Qwen3TextEncoder : nn.Module<Tensor, Tensor?, IReadOnlyList<Tensor>>
{
    private readonly Qwen3Model model;

    /// <summary>Builds the network with the tensor library's default initialisation, on the CPU.</summary>
    /// <param name="config">Sizes and options.</param>
    /// <param name="layers">How many layers to build, from the first; all if null.</param>
    /// <param name="dtype">Type of the parameters; float32 if null.</param>
    /// <exception cref="ArgumentOutOfRangeException">There are fewer layers than that.</exception>
    public Qwen3TextEncoder(Qwen3Config config, int? layers = null, ScalarType? dtype = null)
        : base(nameof(Qwen3TextEncoder))
    {
        Config = config;
        Layers = layers ?? config.NumHiddenLayers;
        ArgumentOutOfRangeException.ThrowIfLessThan(Layers, 1, nameof(layers));
        ArgumentOutOfRangeException.ThrowIfGreaterThan(Layers, config.NumHiddenLayers, nameof(layers));
        // hidden_states[num_hidden_layers] of the ecosystem's model is the state after the final normalisation.
        model = new Qwen3Model(config, Layers, withNorm: Layers == config.NumHiddenLayers, dtype);
        RegisterComponents();
    }

    /// <summary>Sizes and options of the whole language model.</summary>
    public Qwen3Config Config { get; }

    /// <summary>How many of its layers there are.</summary>
    public int Layers { get; }

    /// <summary>Reads <c>config.json</c> and the weights from a folder; what is not built is not read.</summary>
    /// <param name="folder">A folder as transformers saves it.</param>
    /// <param name="layers">How many layers to build, from the first; all if null.</param>
    /// <param name="dtype">Type of the parameters; float32 if null.</param>
    /// <exception cref="CheckpointException">A file is missing, damaged, or does not fit the other.</exception>
    public static Qwen3TextEncoder FromFolder(string folder, int? layers = null, ScalarType? dtype = null)
    {
        var file = Path.Combine(folder, "config.json");
        var config = Qwen3Config.Read(file);
        if (layers > config.NumHiddenLayers)
        {
            throw CheckpointException.ForFile(
                file,
                $"key 'num_hidden_layers': found {config.NumHiddenLayers}, expected at least {layers}: "
                    + "the prompt is made of the hidden states up to that layer"
            );
        }
        return StoredNetwork.Load(
            file,
            folder,
            config.LeastElements(layers ?? config.NumHiddenLayers),
            () => new Qwen3TextEncoder(config, layers, dtype),
            model => TransformersWeights.LoadInto(model, folder, model.Names)
        );
    }

    /// <summary>
    /// The output projection, the layers that are not built, and the frequencies of rotary positions, which older programs stored.
    /// </summary>
    internal WeightNames Names =>
        new()
        {
            Ignored =
            [
                "lm_head.",
                "model.rotary_emb.",
                .. Enumerable.Range(0, Layers).Select(i => $"model.layers.{i}.self_attn.rotary_emb."),
                .. Enumerable.Range(Layers, Config.NumHiddenLayers - Layers).Select(i => $"model.layers.{i}."),
                .. model.HasNorm ? Array.Empty<string>() : ["model.norm."],
            ],
            // Qwen3Model alone lacks it, and transformers takes either.
            Prefixes = ["model.", "transformer."],
        };

    /// <summary>Hidden states: the embeddings first, then after each layer, the last layer's normalised.</summary>
    /// <param name="ids_BL">Token ids, int64.</param>
    /// <param name="mask_BL">1 where a token may be attended to, 0 at padding; all are if null.</param>
    /// <returns>One more than there are layers, each [B, L, D]; the caller's to dispose.</returns>
    public override IReadOnlyList<Tensor> forward(Tensor ids_BL, Tensor? mask_BL) => model.call(ids_BL, mask_BL);

    /// <summary>Hidden states of some layers, side by side: the conditioning of FLUX.2-Klein.</summary>
    /// <param name="ids_BL">Token ids, int64.</param>
    /// <param name="mask_BL">1 at tokens, 0 at padding.</param>
    /// <param name="layers">Which: 0 is the embeddings, n the output of the n-th layer.</param>
    /// <returns>[B, L, S · D], padding included.</returns>
    public Tensor EncodeLayers(Tensor ids_BL, Tensor? mask_BL, IReadOnlyList<int> layers)
    {
        using var scope = torch.NewDisposeScope();
        var states = model.call(ids_BL, mask_BL);
        return torch.cat([.. layers.Select(layer => states[layer])], -1).MoveToOuterDisposeScope();
    }
}

internal sealed class Qwen3Model : nn.Module<Tensor, Tensor?, IReadOnlyList<Tensor>>
{
    private readonly Embedding embed_tokens;
    private readonly ModuleList<Qwen3Layer> layers;
    private readonly RmsNorm? norm;
    private readonly Qwen3Config config;

    public Qwen3Model(Qwen3Config config, int count, bool withNorm, ScalarType? dtype)
        : base(nameof(Qwen3Model))
    {
        this.config = config;
        embed_tokens = NativeLayers.Embedding(config.VocabSize, config.HiddenSize, dtype);
        layers = new ModuleList<Qwen3Layer>([.. Enumerable.Range(0, count).Select(_ => new Qwen3Layer(config, dtype))]);
        norm = withNorm ? Qwen3Layer.Norm(config.HiddenSize, config, dtype) : null;
        RegisterComponents();
    }

    public bool HasNorm => norm is not null;

    /// <summary>The token embedding, [V, D].</summary>
    public Tensor TokenTable => embed_tokens.weight!;

    public override IReadOnlyList<Tensor> forward(Tensor ids_BL, Tensor? mask_BL)
    {
        using var scope = torch.NewDisposeScope();
        var x_BLD = embed_tokens.call(ids_BL);
        var (cos_LK, sin_LK) = RotaryPositions(ids_BL.shape[1], x_BLD);
        var mask_BxLL = AttentionMask(ids_BL, mask_BL);
        var states = new List<Tensor> { x_BLD };
        foreach (var layer in layers)
        {
            using var layerScope = torch.NewDisposeScope();
            x_BLD = layer.call(x_BLD, cos_LK, sin_LK, mask_BxLL).MoveToOuterDisposeScope();
            states.Add(x_BLD);
        }
        if (norm is not null)
        {
            states[^1] = norm.call(x_BLD);
        }
        states.ForEach(state => state.MoveToOuterDisposeScope());
        return states;
    }

    // Frequencies and angles in float32 whatever the network's type: at position 500 a bfloat16 angle is off by a radian.
    private (Tensor Cos, Tensor Sin) RotaryPositions(long length, Tensor like)
    {
        var half = config.HeadDim / 2;
        float[] frequencies =
        [
            .. Enumerable.Range(0, half).Select(i => 1f / MathF.Pow((float)config.RopeTheta, 2f * i / config.HeadDim)),
        ];
        var position_L1 = torch.arange(length, dtype: ScalarType.Float32).unsqueeze(1);
        var angle_LK = (position_L1 * torch.tensor(frequencies).unsqueeze(0)).repeat(1, 2);
        return (angle_LK.cos().to(like.device).to_type(like.dtype), angle_LK.sin().to(like.device).to_type(like.dtype));
    }

    // True where a query may see a key: not after itself, and no padding.
    private static Tensor AttentionMask(Tensor ids_BL, Tensor? mask_BL)
    {
        var length = ids_BL.shape[1];
        var causal_LL = torch.ones([length, length], ScalarType.Bool, ids_BL.device).tril();
        return mask_BL is null ? causal_LL : causal_LL.logical_and(mask_BL.ne(0).unsqueeze(1).unsqueeze(1));
    }
}

internal sealed class Qwen3Layer : nn.Module<Tensor, Tensor, Tensor, Tensor, Tensor>
{
    private readonly Qwen3Attention self_attn;
    private readonly Qwen3Mlp mlp;
    private readonly RmsNorm input_layernorm;
    private readonly RmsNorm post_attention_layernorm;

    public Qwen3Layer(Qwen3Config config, ScalarType? dtype)
        : base(nameof(Qwen3Layer))
    {
        self_attn = new Qwen3Attention(config, dtype);
        mlp = new Qwen3Mlp(config, dtype);
        input_layernorm = Norm(config.HiddenSize, config, dtype);
        post_attention_layernorm = Norm(config.HiddenSize, config, dtype);
        RegisterComponents();
    }

    public override Tensor forward(Tensor x_BLD, Tensor cos_LK, Tensor sin_LK, Tensor mask_BxLL)
    {
        var h_BLD = x_BLD + self_attn.call(input_layernorm.call(x_BLD), cos_LK, sin_LK, mask_BxLL);
        return h_BLD + mlp.call(post_attention_layernorm.call(h_BLD));
    }

    public static RmsNorm Norm(int width, Qwen3Config config, ScalarType? dtype)
    {
        var norm = new RmsNorm(width, config.RmsNormEps);
        return dtype is { } type ? norm.to(type) : norm;
    }
}

internal sealed class Qwen3Attention : nn.Module<Tensor, Tensor, Tensor, Tensor, Tensor>
{
    private readonly Linear q_proj;
    private readonly Linear k_proj;
    private readonly Linear v_proj;
    private readonly Linear o_proj;
    private readonly RmsNorm q_norm;
    private readonly RmsNorm k_norm;
    private readonly int headWidth;
    private readonly int sharing;

    public Qwen3Attention(Qwen3Config config, ScalarType? dtype)
        : base(nameof(Qwen3Attention))
    {
        headWidth = config.HeadDim;
        sharing = config.NumAttentionHeads / config.NumKeyValueHeads;
        var queries = config.NumAttentionHeads * headWidth;
        var keys = config.NumKeyValueHeads * headWidth;
        q_proj = nn.Linear(config.HiddenSize, queries, config.AttentionBias, dtype: dtype);
        k_proj = nn.Linear(config.HiddenSize, keys, config.AttentionBias, dtype: dtype);
        v_proj = nn.Linear(config.HiddenSize, keys, config.AttentionBias, dtype: dtype);
        o_proj = nn.Linear(queries, config.HiddenSize, config.AttentionBias, dtype: dtype);
        q_norm = Qwen3Layer.Norm(headWidth, config, dtype);
        k_norm = Qwen3Layer.Norm(headWidth, config, dtype);
        RegisterComponents();
    }

    public override Tensor forward(Tensor x_BLD, Tensor cos_LK, Tensor sin_LK, Tensor mask_BxLL)
    {
        var q_BHLK = Rotate(q_norm.call(Heads(q_proj.call(x_BLD))).transpose(1, 2), cos_LK, sin_LK);
        var k_BGLK = Rotate(k_norm.call(Heads(k_proj.call(x_BLD))).transpose(1, 2), cos_LK, sin_LK);
        var v_BGLK = Heads(v_proj.call(x_BLD)).transpose(1, 2);
        var attended_BHLK = F.scaled_dot_product_attention(
            q_BHLK,
            k_BGLK.repeat_interleave(sharing, 1),
            v_BGLK.repeat_interleave(sharing, 1),
            mask_BxLL
        );
        return o_proj.call(attended_BHLK.transpose(1, 2).flatten(2));
    }

    private Tensor Heads(Tensor x_BLE) => x_BLE.unflatten(2, [x_BLE.shape[2] / headWidth, headWidth]);

    // Pairs are one from each half of the head.
    private Tensor Rotate(Tensor x_BHLK, Tensor cos_LK, Tensor sin_LK)
    {
        var half = headWidth / 2;
        var turned_BHLK = torch.cat([-x_BHLK.narrow(-1, half, half), x_BHLK.narrow(-1, 0, half)], -1);
        return x_BHLK * cos_LK + turned_BHLK * sin_LK;
    }
}

internal sealed class Qwen3Mlp : nn.Module<Tensor, Tensor>
{
    private readonly Linear gate_proj;
    private readonly Linear up_proj;
    private readonly Linear down_proj;
    private readonly Func<Tensor, Tensor> activation;

    public Qwen3Mlp(Qwen3Config config, ScalarType? dtype)
        : base(nameof(Qwen3Mlp))
    {
        gate_proj = nn.Linear(config.HiddenSize, config.IntermediateSize, hasBias: false, dtype: dtype);
        up_proj = nn.Linear(config.HiddenSize, config.IntermediateSize, hasBias: false, dtype: dtype);
        down_proj = nn.Linear(config.IntermediateSize, config.HiddenSize, hasBias: false, dtype: dtype);
        activation = ClipTower.Activation(config.HiddenAct, nameof(Qwen3Mlp));
        RegisterComponents();
    }

    public override Tensor forward(Tensor x_BLD) =>
        down_proj.call(activation(gate_proj.call(x_BLD)) * up_proj.call(x_BLD));
}
