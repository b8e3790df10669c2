// The networks of a run as far as a prediction goes: the transformer, the decoder and the reward operation by operation, the
// others by their size.

using FlowBP.Training.Planning.Networks;

namespace FlowBP.Training.Planning;

/// <summary>A network that only runs forward.</summary>
/// <param name="Name">Its part in the model.</param>
/// <param name="Parameters">Elements of its weights.</param>
/// <param name="Tokens">Tokens of a prompt.</param>
/// <param name="MatrixParameters">Those of them that every token is multiplied with: all but the tables.</param>
public sealed record PlannedEncoder(string Name, long Parameters, long Tokens, long MatrixParameters);

/// <summary>The networks of a run.</summary>
public sealed record PlannedModel
{
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
    public long BufferElements { get; init; }

    /// <summary>The text encoders.</summary>
    public required IReadOnlyList<PlannedEncoder> TextEncoders { get; init; }

    internal ITracedTransformer Transformer { get; init; } = null!;

    internal TracedDecoder Decoder { get; init; } = null!;

    internal TracedClipReward Reward { get; init; } = null!;

    internal TransformerInput Input(long samples, int resolution)
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
