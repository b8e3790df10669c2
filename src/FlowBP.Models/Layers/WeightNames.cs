// How the names in a transformers checkpoint can differ from a network's own without anything being wrong: weights that two
// names share are saved under either, and a text encoder is often saved with the rest of a larger model.

namespace FlowBP.Models.Layers;

/// <summary>Names that a weight file may have or lack.</summary>
internal sealed record WeightNames
{
    /// <summary>Pairs of names of one and the same tensor; a file must have one of them.</summary>
    public IReadOnlyList<(string One, string Other)> Tied { get; init; } = [];

    /// <summary>Beginnings of names that concern parts of a larger model which are not used here.</summary>
    public IReadOnlyList<string> Ignored { get; init; } = [];

    /// <summary>What the file's names may have before the network's, or lack of them.</summary>
    public IReadOnlyList<string> Prefixes { get; init; } = [];

    /// <summary>What a name of the file is in the network, with a prefix more or less.</summary>
    /// <param name="name">The name in the file.</param>
    /// <param name="known">Whether a name is the network's own.</param>
    public string Own(string name, Func<string, bool> known)
    {
        bool IsKnown(string candidate) => known(candidate) || Ignores(candidate) || TiedTo(candidate) is not null;

        if (IsKnown(name))
        {
            return name;
        }
        foreach (var prefix in Prefixes)
        {
            var less = name.StartsWith(prefix, StringComparison.Ordinal) ? name[prefix.Length..] : name;
            // One of a part's name may stand before one of the network's own.
            if (less != name && Own(less, known) is var inner && IsKnown(inner))
            {
                return inner;
            }
            if (IsKnown(prefix + name))
            {
                return prefix + name;
            }
        }
        return name;
    }

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
