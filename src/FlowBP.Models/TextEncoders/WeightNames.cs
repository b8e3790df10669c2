// How the names in a transformers checkpoint can differ from a network's own without anything being wrong: weights that two
// names share are saved under either, and a text encoder is often saved with the rest of a larger model.

namespace FlowBP.Models.TextEncoders;

/// <summary>Names that a weight file may have or lack.</summary>
internal sealed record WeightNames
{
    /// <summary>Pairs of names of one and the same tensor; a file must have one of them.</summary>
    public IReadOnlyList<(string One, string Other)> Tied { get; init; } = [];

    /// <summary>Beginnings of names that concern parts of a larger model which are not used here.</summary>
    public IReadOnlyList<string> Ignored { get; init; } = [];

    /// <summary>Whether a tensor of the file is known and not needed.</summary>
    public bool Ignores(string name) => Ignored.Any(start => name.StartsWith(start, StringComparison.Ordinal));

    /// <summary>The other name of a tensor; null if it has one name only.</summary>
    public string? TiedTo(string name)
    {
        foreach (var (one, other) in Tied)
        {
            if (name == one || name == other)
            {
                return name == one ? other : one;
            }
        }
        return null;
    }
}
