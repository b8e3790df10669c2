// An opcode is a mnemonic and modifiers in almost any order. Whoever decodes it takes the modifiers that it knows; what is
// left at the end is a modifier that would have been ignored, and therefore an error.

using FlowBP.Cuda.Interpreter.Parsing;

namespace FlowBP.Cuda.Interpreter.Decoding;

internal sealed class Opcode
{
    private readonly List<string> _left;

    internal Opcode(string text)
    {
        Text = text;
        var parts = text.Split('.');
        Mnemonic = parts[0];
        var types = new List<PtxType>();
        _left = [];
        foreach (var part in parts.Skip(1))
        {
            if (PtxType.TryParse(part, out var type))
            {
                types.Add(type);
            }
            else
            {
                _left.Add(part);
            }
        }
        Types = types;
    }

    internal string Text { get; }

    /// <summary>The part before the first dot.</summary>
    internal string Mnemonic { get; }

    /// <summary>Types among the modifiers, in order.</summary>
    internal IReadOnlyList<PtxType> Types { get; }

    /// <summary>The only type, or the last one.</summary>
    /// <exception cref="UnsupportedInstructionException">There is none.</exception>
    internal PtxType Type =>
        Types.Count > 0 ? Types[^1] : throw new UnsupportedInstructionException($"{Text} names no type");

    /// <summary>Modifiers that nobody has taken yet.</summary>
    internal IReadOnlyList<string> Left => _left;

    /// <summary>Takes a modifier, if it is there.</summary>
    internal bool Take(string modifier) => _left.Remove(modifier);

    /// <summary>Takes the first of several modifiers that is there; null if none is.</summary>
    internal string? TakeAny(params ReadOnlySpan<string> modifiers)
    {
        foreach (var modifier in modifiers)
        {
            if (Take(modifier))
            {
                return modifier;
            }
        }
        return null;
    }

    /// <summary>Takes every modifier for which the condition holds.</summary>
    internal void TakeAll(Predicate<string> condition) => _left.RemoveAll(condition);

    public override string ToString() => Text;
}

/// <summary>An instruction that the interpreter doesn't know, or knows only in another form.</summary>
internal sealed class UnsupportedInstructionException(string message) : Exception(message);
