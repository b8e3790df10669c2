// What a velocity network receives, and what travels between its blocks, over whatever stands for a tensor.
//
// Shapes: B batch, L image tokens, M text tokens, N tokens of both, A axes, E text width, P pooled width, D width.

using FlowBP.Models.Transformers;
using FlowBP.Surrogates;

namespace FlowBP.Families.Networks;

/// <summary>What a network is evaluated on.</summary>
/// <typeparam name="T">What stands for a tensor.</typeparam>
/// <param name="Latents">Noisy latents: [B, C, Y, X], or packed into tokens [B, L, C] where the network takes them so.</param>
/// <param name="Text_BME">Text sequence.</param>
/// <param name="Pooled_BP">Pooled text; null where the network reads none.</param>
/// <param name="Timestep_B">Time, in the network's own unit.</param>
/// <param name="Guidance_B">Guidance scale; null where the network does not take one.</param>
public record TransformerInput<T>(T Latents, T Text_BME, T? Pooled_BP, T Timestep_B, T? Guidance_B = null)
    where T : class;

/// <summary>What a network is evaluated on, as tensors.</summary>
/// <param name="Latents">As in the base, like everything else.</param>
/// <param name="Text_BME">Text sequence.</param>
/// <param name="Pooled_BP">Pooled text.</param>
/// <param name="Timestep_B">Time.</param>
/// <param name="Guidance_B">Guidance scale.</param>
/// <param name="ImageIds_LA">Positions of the image tokens, for networks with rotary positions.</param>
/// <param name="TextIds_MA">Positions of the text tokens.</param>
public sealed record TransformerInput(
    Tensor Latents,
    Tensor Text_BME,
    Tensor? Pooled_BP,
    Tensor Timestep_B,
    Tensor? Guidance_B = null,
    Tensor? ImageIds_LA = null,
    Tensor? TextIds_MA = null
) : TransformerInput<Tensor>(Latents, Text_BME, Pooled_BP, Timestep_B, Guidance_B);

/// <summary>What travels through the blocks.</summary>
/// <typeparam name="T">What stands for a tensor.</typeparam>
/// <param name="Image">Image stream [B, L, D]; once the streams are joined, all tokens [B, N, D], the image's first.</param>
/// <param name="Text">Text stream [B, M, D]; null once it is joined or no longer updated.</param>
/// <param name="Shared">What every block and the head read and none rewrites: the condition, [B, …] each.</param>
public sealed record TokenStreams<T>(T Image, T? Text, IReadOnlyList<T> Shared)
    where T : class
{
    /// <summary>The streams that a block rewrites.</summary>
    public IReadOnlyList<T> Moving => Text is null ? [Image] : [Image, Text];
}

/// <summary>What travels through the blocks of a transformer that is pulled back block by block.</summary>
/// <param name="Moving">Image, and text where it is apart.</param>
/// <param name="Shared">The condition.</param>
/// <param name="Network">The transformer, which says what computes.</param>
/// <param name="Rotary_N">Rotations of all tokens; null: its positions are none.</param>
internal sealed record TransformerStreams(
    IReadOnlyList<Tensor> Moving,
    IReadOnlyList<Tensor> Shared,
    FlowTransformer Network,
    RotaryTable? Rotary_N
) : BlockStreams(Moving, Shared)
{
    /// <summary>The same streams by name.</summary>
    public TokenStreams<Tensor> Tokens => new(Moving[0], Moving.ElementAtOrDefault(1), Shared);
}

/// <summary>The tokens of a picture.</summary>
/// <param name="Rows">Along Y.</param>
/// <param name="Columns">Along X.</param>
public readonly record struct TokenGrid(long Rows, long Columns)
{
    /// <summary>All of them.</summary>
    public long Count => Rows * Columns;
}
