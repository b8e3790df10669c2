// The networks were published before diffusers had classes for them, and single-file checkpoints and most adapters have the names
// of that first code. It joins what diffusers keeps apart: queries, keys and values are the rows of one weight, one after another.
// A family says once, as a table, which of its layers each original layer is; a checkpoint and an adapter are read by the same
// table, since the rows of a layer's weight are the rows of an adapter's second factor.

using System.Globalization;
using System.Text.RegularExpressions;

namespace FlowBP.Models.Original;

/// <summary>How the two halves of a layer's rows lie.</summary>
internal enum Halves
{
    /// <summary>As here.</summary>
    Same,

    /// <summary>The other way round: the original modulation has the shift first, diffusers' has the scale.</summary>
    Swapped,

    /// <summary>Swapped in the last block, where the modulation has two parts only.</summary>
    SwappedInLastBlock,
}

/// <summary>A row of a family's table.</summary>
/// <param name="Name">The original layer; <c>*</c> is the number of its block.</param>
/// <param name="Parts">The layers that it is here, in the order of its rows.</param>
/// <param name="Halves">How its rows lie.</param>
internal sealed record OriginalLayer(string Name, IReadOnlyList<string> Parts, Halves Halves = Halves.Same)
{
    /// <summary>A row for one layer.</summary>
    public OriginalLayer(string name, string part, Halves halves = Halves.Same)
        : this(name, [part], halves) { }
}

/// <summary>An original layer of one network, with the number of its block filled in.</summary>
/// <param name="Name">The original layer.</param>
/// <param name="Parts">The network's layers, in the order of its rows.</param>
/// <param name="SwapsHalves">Whether the two halves of its rows change places.</param>
internal sealed record LayerOfNetwork(string Name, IReadOnlyList<string> Parts, bool SwapsHalves);

/// <summary>The original names of a family.</summary>
internal sealed partial class OriginalNames
{
    /// <summary>What the original code calls the family, for messages.</summary>
    public required string Family { get; init; }

    /// <summary>A tensor that every checkpoint of the family has, and no other family's.</summary>
    public required string Signature { get; init; }

    /// <summary>Layers: what has a weight and may have a bias.</summary>
    public required IReadOnlyList<OriginalLayer> Layers { get; init; }

    /// <summary>
    /// Names that only adapters have: those of one trainer, and of queries, keys and values that were joined for training.
    /// </summary>
    public IReadOnlyList<OriginalLayer> AdapterLayers { get; init; } = [];

    /// <summary>Tensors that are no layer's weight or bias: scales of norms, tables of positions.</summary>
    public required IReadOnlyList<(string Name, string Own)> Tensors { get; init; }

    /// <summary>The original layers that a network has.</summary>
    /// <param name="names">Names of the network's tensors.</param>
    /// <param name="ending">What stands behind a layer in these names, such as <c>.weight</c>.</param>
    public IEnumerable<LayerOfNetwork> LayersOf(IReadOnlyCollection<string> names, string ending) =>
        Filled(Layers, names, ending);

    /// <summary>The layers of a network that an adapter may name, by any of the family's names.</summary>
    /// <param name="paths">Paths of the network's layers.</param>
    public IEnumerable<LayerOfNetwork> AdaptableLayersOf(IReadOnlyCollection<string> paths) =>
        Filled([.. Layers, .. AdapterLayers], paths, "");

    private static IEnumerable<LayerOfNetwork> Filled(
        IReadOnlyList<OriginalLayer> rows,
        IReadOnlyCollection<string> names,
        string ending
    )
    {
        var known = names.ToHashSet(StringComparer.Ordinal);
        var blocks = names.Select(BlockOf).OfType<(string Kind, int Number)>().ToArray();
        foreach (var row in rows)
        {
            var last = blocks
                .Where(block => row.Parts[0].StartsWith(block.Kind + ".", StringComparison.Ordinal))
                .Select(block => block.Number)
                .DefaultIfEmpty(-1)
                .Max();
            var count = row.Name.Contains('*') ? last + 1 : 1;
            for (var i = 0; i < count; i++)
            {
                string[] parts = [.. row.Parts.Select(part => Filled(part, i))];
                if (parts.All(part => known.Contains(part + ending)))
                {
                    var swaps = row.Halves == Halves.Swapped || (row.Halves == Halves.SwappedInLastBlock && i == last);
                    yield return new LayerOfNetwork(Filled(row.Name, i), parts, swaps);
                }
            }
        }
    }

    /// <summary>Whether the names of a file are the original ones of this family, taken without their prefix.</summary>
    /// <param name="names">The file's names.</param>
    public bool Recognises(IEnumerable<string> names) =>
        names.Any(name => name == Signature || name.EndsWith("." + Signature, StringComparison.Ordinal));

    private static (string Kind, int Number)? BlockOf(string name) =>
        Block().Match(name) is { Success: true } match
            ? (match.Groups[1].Value, int.Parse(match.Groups[2].ValueSpan, CultureInfo.InvariantCulture))
            : null;

    internal static string Filled(string name, int block) =>
        name.Replace("*", block.ToString(CultureInfo.InvariantCulture), StringComparison.Ordinal);

    // transformer_blocks.12.attn.to_q
    [GeneratedRegex(@"^([a-z_]+)\.(\d{1,4})\.")]
    private static partial Regex Block();
}

/// <summary>A network whose checkpoints and adapters may have the original names.</summary>
internal interface IHasOriginalNames
{
    /// <summary>The table of its family.</summary>
    OriginalNames OriginalNames { get; }
}
