// How many tokens of a prompt an encoder sees: what was asked for, within what the encoder takes.

using FlowBP.Settings;

namespace FlowBP.Models.Prompts;

/// <summary>A sequence length was asked for that the encoders can't have; the message says what they can.</summary>
/// <param name="message">One line: what was found, what was expected.</param>
public sealed class SequenceLengthException(string message) : InvalidSettingException(message);

internal static class SequenceLength
{
    // Fewer would leave no room for a word between the tokens that every prompt has.
    private const int Shortest = 2;

    /// <summary>The length that was asked for, or the default.</summary>
    /// <param name="wanted">What was asked for; null for the default.</param>
    /// <param name="standard">The default.</param>
    /// <param name="longest">What the encoder takes at most.</param>
    /// <exception cref="SequenceLengthException">The encoder can't have that length.</exception>
    public static int Resolve(int? wanted, int standard, int longest)
    {
        var length = wanted ?? standard;
        return length >= Shortest && length <= longest
            ? length
            : throw new SequenceLengthException(
                $"max_sequence_length: found {length}, expected {Shortest} to {longest}, which the model's encoders take"
            );
    }

    /// <summary>The only length that an encoder has.</summary>
    /// <param name="wanted">What was asked for; null for that length.</param>
    /// <param name="only">That length.</param>
    /// <exception cref="SequenceLengthException">Another one was asked for.</exception>
    public static int ResolveFixed(int? wanted, int only) =>
        wanted is null || wanted == only
            ? only
            : throw new SequenceLengthException(
                $"max_sequence_length: found {wanted}, expected {only}: this model has no T5, and its CLIP has no other length"
            );
}
