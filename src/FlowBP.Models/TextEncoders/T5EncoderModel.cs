// The T5 encoder with transformers' tensor names. Three things set it apart from other encoders: positions enter as a
// learned bias per head and clipped, logarithmic distance, which the first layer holds and all layers add; attention scores
// are not divided by the square root of the head's width; normalisation subtracts no mean.
//
// Shapes: B batch, L tokens, D width, H heads, K width of a head, E = H · K, F hidden width of the MLP.

using FlowBP.Formats;
using FlowBP.Models.Clip;
using FlowBP.Models.Layers;
using FlowBP.Models.Transformers;

namespace FlowBP.Models.TextEncoders;

/// <summary>T5 encoder: <c>shared.weight</c> and <c>encoder.*</c>.</summary>
public sealed class T5EncoderModel : nn.Module<Tensor, Tensor>
{
    private readonly Embedding shared;
    private readonly T5Stack encoder;

    /// <summary>Builds the network with the tensor library's default initialisation, on the CPU.</summary>
    /// <param name="config">Sizes and options.</param>
    /// <param name="dtype">Type of the parameters; float32 if null.</param>
    public T5EncoderModel(T5Config config, ScalarType? dtype = null)
        : base(nameof(T5EncoderModel))
    {
        Config = config;
        shared = NativeLayers.Embedding(config.VocabSize, config.DModel, dtype);
        encoder = new T5Stack(config, shared, dtype);
        RegisterComponents();
    }

    /// <summary>Sizes and options.</summary>
    public T5Config Config { get; }

    /// <summary>The two names of the token embedding; a file may have either or both.</summary>
    internal static WeightNames Names { get; } =
        new()
        {
            Tied = [("shared.weight", "encoder.embed_tokens.weight")],
            Ignored = ["decoder.", "lm_head."],
            // A stack of its own lacks "encoder."; single files keep encoders under the name of their part.
            Prefixes = ["encoder.", "transformer.", "model."],
        };

    /// <summary>Reads <c>config.json</c> and the weights from a folder.</summary>
    /// <param name="folder">A folder as transformers saves it.</param>
    /// <param name="dtype">Type of the parameters; float32 if null.</param>
    /// <exception cref="CheckpointException">A file is missing, damaged, or does not fit the other.</exception>
    public static T5EncoderModel FromFolder(string folder, ScalarType? dtype = null)
    {
        var file = Path.Combine(folder, "config.json");
        var config = T5Config.Read(file);
        return StoredNetwork.Load(
            file,
            folder,
            config.LeastElements,
            () => new T5EncoderModel(config, dtype),
            model => TransformersWeights.LoadInto(model, folder, Names)
        );
    }

    /// <summary>Hidden states of every token, without a mask: Stable Diffusion 3 and FLUX.1 attend to padding too.</summary>
    /// <param name="ids_BL">Token ids, int64.</param>
    /// <returns>[B, L, D], normalised.</returns>
    public override Tensor forward(Tensor ids_BL) => Encode(ids_BL);

    /// <summary>Hidden states of every token.</summary>
    /// <param name="ids_BL">Token ids, int64.</param>
    /// <param name="mask_BL">1 where a token may be attended to, 0 at padding; all are if null.</param>
    /// <returns>[B, L, D], normalised.</returns>
    public Tensor Encode(Tensor ids_BL, Tensor? mask_BL = null) => encoder.call(ids_BL, mask_BL);
}

internal sealed class T5Stack : nn.Module<Tensor, Tensor?, Tensor>
{
    private readonly Embedding embed_tokens;
    private readonly ModuleList<T5Block> block;
    private readonly RmsNorm final_layer_norm;

    public T5Stack(T5Config config, Embedding tokens, ScalarType? dtype)
        : base(nameof(T5Stack))
    {
        embed_tokens = tokens;
        block = new ModuleList<T5Block>([
            .. Enumerable.Range(0, config.NumLayers).Select(i => new T5Block(config, hasPositions: i == 0, dtype)),
        ]);
        final_layer_norm = T5Block.Norm(config, dtype);
        RegisterComponents();
    }

    public override Tensor forward(Tensor ids_BL, Tensor? mask_BL)
    {
        using var scope = torch.NewDisposeScope();
        var x_BLD = embed_tokens.call(ids_BL);
        var bias_BHLL = block[0].Attention.PositionBias((int)ids_BL.shape[1]);
        if (mask_BL is not null)
        {
            var hidden_B11L = mask_BL.eq(0).unsqueeze(1).unsqueeze(1);
            bias_BHLL = bias_BHLL.masked_fill(hidden_B11L, double.NegativeInfinity);
        }
        foreach (var layer in block)
        {
            using var layerScope = torch.NewDisposeScope();
            x_BLD = layer.call(x_BLD, bias_BHLL).MoveToOuterDisposeScope();
        }
        return final_layer_norm.call(x_BLD).MoveToOuterDisposeScope();
    }
}

internal sealed class T5Block : nn.Module<Tensor, Tensor, Tensor>
{
    // Named as transformers names it: layer.0 is attention, layer.1 the MLP.
    private readonly ModuleList<nn.Module> layer;

    public T5Block(T5Config config, bool hasPositions, ScalarType? dtype)
        : base(nameof(T5Block))
    {
        layer = new ModuleList<nn.Module>(
            new T5AttentionLayer(config, hasPositions, dtype),
            new T5FeedForwardLayer(config, dtype)
        );
        RegisterComponents();
    }

    public T5Attention Attention => ((T5AttentionLayer)layer[0]).Attention;

    public override Tensor forward(Tensor x_BLD, Tensor bias_BHLL) =>
        ((T5FeedForwardLayer)layer[1]).call(((T5AttentionLayer)layer[0]).call(x_BLD, bias_BHLL));

    public static RmsNorm Norm(T5Config config, ScalarType? dtype)
    {
        var norm = new RmsNorm(config.DModel, config.LayerNormEpsilon);
        return dtype is { } type ? norm.to(type) : norm;
    }
}

internal sealed class T5AttentionLayer : nn.Module<Tensor, Tensor, Tensor>
{
    private readonly T5Attention SelfAttention;
    private readonly RmsNorm layer_norm;

    public T5AttentionLayer(T5Config config, bool hasPositions, ScalarType? dtype)
        : base(nameof(T5AttentionLayer))
    {
        SelfAttention = new T5Attention(config, hasPositions, dtype);
        layer_norm = T5Block.Norm(config, dtype);
        RegisterComponents();
    }

    public T5Attention Attention => SelfAttention;

    public override Tensor forward(Tensor x_BLD, Tensor bias_BHLL) =>
        x_BLD + SelfAttention.call(layer_norm.call(x_BLD), bias_BHLL);
}

internal sealed class T5Attention : nn.Module<Tensor, Tensor, Tensor>
{
    private readonly Linear q;
    private readonly Linear k;
    private readonly Linear v;
    private readonly Linear o;
    private readonly Embedding? relative_attention_bias;
    private readonly int heads;
    private readonly double unscale;
    private readonly int buckets;
    private readonly int maxDistance;

    public T5Attention(T5Config config, bool hasPositions, ScalarType? dtype)
        : base(nameof(T5Attention))
    {
        var inner = config.NumHeads * config.DKv;
        q = nn.Linear(config.DModel, inner, hasBias: false, dtype: dtype);
        k = nn.Linear(config.DModel, inner, hasBias: false, dtype: dtype);
        v = nn.Linear(config.DModel, inner, hasBias: false, dtype: dtype);
        o = nn.Linear(inner, config.DModel, hasBias: false, dtype: dtype);
        heads = config.NumHeads;
        // The operator divides scores by √K; T5 was trained without that.
        unscale = Math.Sqrt(config.DKv);
        buckets = config.RelativeAttentionNumBuckets;
        maxDistance = config.RelativeAttentionMaxDistance;
        relative_attention_bias = hasPositions ? NativeLayers.Embedding(buckets, heads, dtype) : null;
        RegisterComponents();
    }

    public override Tensor forward(Tensor x_BLD, Tensor bias_BHLL)
    {
        using var scope = torch.NewDisposeScope();
        var q_BHLK = SplitHeads(q.call(x_BLD)) * unscale;
        var attended_BHLK = F.scaled_dot_product_attention(
            q_BHLK,
            SplitHeads(k.call(x_BLD)),
            SplitHeads(v.call(x_BLD)),
            bias_BHLL
        );
        return o.call(attended_BHLK.transpose(1, 2).flatten(2)).MoveToOuterDisposeScope();
    }

    /// <summary>What is added to the scores of every query and key: [1, H, L, L].</summary>
    public Tensor PositionBias(int length)
    {
        using var scope = torch.NewDisposeScope();
        var table = relative_attention_bias!;
        var rows = T5RelativePositions.Buckets(length, buckets, maxDistance);
        var rows_LL = torch.tensor(rows).reshape(length, length).to(table.weight!.device);
        return table.call(rows_LL).permute(2, 0, 1).unsqueeze(0).contiguous().MoveToOuterDisposeScope();
    }

    private Tensor SplitHeads(Tensor x_BLE) => x_BLE.unflatten(2, [heads, x_BLE.shape[2] / heads]).transpose(1, 2);
}

internal sealed class T5FeedForwardLayer : nn.Module<Tensor, Tensor>
{
    private readonly T5FeedForward DenseReluDense;
    private readonly RmsNorm layer_norm;

    public T5FeedForwardLayer(T5Config config, ScalarType? dtype)
        : base(nameof(T5FeedForwardLayer))
    {
        DenseReluDense = new T5FeedForward(config, dtype);
        layer_norm = T5Block.Norm(config, dtype);
        RegisterComponents();
    }

    public override Tensor forward(Tensor x_BLD) => x_BLD + DenseReluDense.call(layer_norm.call(x_BLD));
}

internal sealed class T5FeedForward : nn.Module<Tensor, Tensor>
{
    private readonly Linear? wi;
    private readonly Linear? wi_0;
    private readonly Linear? wi_1;
    private readonly Linear wo;
    private readonly Func<Tensor, Tensor> activation;

    public T5FeedForward(T5Config config, ScalarType? dtype)
        : base(nameof(T5FeedForward))
    {
        Linear Widen() => nn.Linear(config.DModel, config.DFf, hasBias: false, dtype: dtype);
        if (config.IsGated)
        {
            wi_0 = Widen();
            wi_1 = Widen();
        }
        else
        {
            wi = Widen();
        }
        wo = nn.Linear(config.DFf, config.DModel, hasBias: false, dtype: dtype);
        activation = ClipTower.Activation(config.Activation, nameof(T5FeedForward));
        RegisterComponents();
    }

    public override Tensor forward(Tensor x_BLD)
    {
        using var scope = torch.NewDisposeScope();
        var hidden_BLF = wi is null ? activation(wi_0!.call(x_BLD)) * wi_1!.call(x_BLD) : activation(wi.call(x_BLD));
        return wo.call(hidden_BLF).MoveToOuterDisposeScope();
    }
}
