// The networks of a run as far as a prediction goes: the transformer, the decoder and the reward operation by operation, the
// others by their size.

using FlowBP.Families.Networks;

namespace FlowBP.Families.Tracing;

/// <summary>A network that only runs forward.</summary>
/// <param name="Name">Its part in the model.</param>
/// <param name="Parameters">Elements of its weights.</param>
/// <param name="Tokens">Tokens of a prompt.</param>
/// <param name="MatrixParameters">Those of them that every token is multiplied with: all but the tables.</param>
public sealed record PlannedEncoder(string Name, long Parameters, long Tokens, long MatrixParameters)
{
    private const int ClipTokens = 77;
    private const int LongTokens = 512;

    /// <summary>CLIP ViT-L/14's text tower, with its projection, as released.</summary>
    public static PlannedEncoder ClipL { get; } = new("CLIP-L", 123_650_304, ClipTokens, 85_524_480);

    /// <summary>OpenCLIP ViT-bigG/14's text tower as released.</summary>
    public static PlannedEncoder ClipBigG { get; } = new("CLIP-bigG", 694_659_840, ClipTokens, 630_784_000);

    /// <summary>The encoder of T5 1.1 XXL as released.</summary>
    public static PlannedEncoder T5Xxl { get; } = new("T5-XXL", 4_762_310_656, LongTokens, 4_630_511_616);

    /// <summary>Of Qwen3-8B as many layers as a transformer reads states of.</summary>
    public static PlannedEncoder Qwen3 { get; } = new("Qwen3-8B", 5_831_883_520, LongTokens, 5_209_553_664);
}

/// <summary>The networks of a run.</summary>
public sealed record PlannedModel
{
    /// <summary>Pixels per side that the released models are usually trained at here.</summary>
    public const int UsualResolution = 512;

    /// <summary>Name for people.</summary>
    public required string Name { get; init; }

    /// <summary>Text tokens that the transformer sees.</summary>
    public required long TextTokens { get; init; }

    /// <summary>Whether guidance is a second evaluation, and not an input of the network.</summary>
    public required bool TakesGuidance { get; init; }

    /// <summary>Pixels per side that it is usually trained at here.</summary>
    public required int Resolution { get; init; }

    /// <summary>Elements of the autoencoder's weights, encoder included.</summary>
    public required long AutoencoderParameters { get; init; }

    /// <summary>Elements of the rewards' weights, of those that only evaluate, too.</summary>
    public required long RewardParameters { get; init; }

    /// <summary>Elements of the transformer's buffers, such as a table of positions.</summary>
    public long BufferElements => Transformer.state_dict().Values.Sum(tensor => tensor.numel()) - Network.Parameters;

    /// <summary>The text encoders.</summary>
    public required IReadOnlyList<PlannedEncoder> TextEncoders { get; init; }

    /// <summary>The transformer, of tensors without memory (<see cref="Inspection.MetaNetwork"/>).</summary>
    public required FlowTransformer Transformer { get; init; }

    /// <summary>The layers that adapters change.</summary>
    public IReadOnlyList<string> AdapterTargets { get; init; } = [];

    /// <summary>The transformer, operation by operation.</summary>
    internal TracedNetwork Network => field ??= new(Transformer, AdapterTargets);

    internal TracedDecoder Decoder { get; init; } = null!;

    internal TracedClipReward Reward { get; init; } = null!;

    internal TokenCounts Input(long samples, int resolution)
    {
        var side = resolution / Decoder.Compression / Transformer.PatchSize;
        return new(samples, (long)side * side, TextTokens);
    }

    /// <summary>Elements of the latent of a sample.</summary>
    internal long LatentElements(int resolution)
    {
        var side = (long)resolution / Decoder.Compression;
        return Decoder.LatentChannels * side * side;
    }
}
