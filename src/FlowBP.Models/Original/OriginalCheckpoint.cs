// A checkpoint under the original names, seen under the network's own: each of its tensors is some rows of one that is stored.

using FlowBP.Formats;

namespace FlowBP.Models.Original;

/// <summary>A checkpoint whose tensors are cut and renamed by a family's table.</summary>
internal sealed class OriginalCheckpoint : ICheckpointSource
{
    // What single files put before the transformer's names.
    private static readonly string[] Prefixes =
    [
        "model.diffusion_model.",
        "diffusion_model.",
        "transformer.",
        "model.",
        "",
    ];

    private readonly ICheckpointSource source;
    private readonly OrderedDictionary<string, StoredTensor> tensors = new(StringComparer.Ordinal);
    private readonly Dictionary<string, Place> places = new(StringComparer.Ordinal);

    // Consecutive parts are rows of the same tensor, and reading it once per part would read it three times.
    private (string Name, Tensor Tensor)? last;

    private OriginalCheckpoint(ICheckpointSource source) => this.source = source;

    /// <inheritdoc/>
    public string Path => source.Path;

    /// <inheritdoc/>
    public IReadOnlyDictionary<string, StoredTensor> Tensors => tensors;

    /// <summary>Names of the file that are no part of the transformer.</summary>
    public IReadOnlyList<string> Others { get; private set; } = [];

    /// <summary>Sees a checkpoint under the names of a network.</summary>
    /// <param name="source">The checkpoint; it belongs to the result.</param>
    /// <param name="names">The table of its family.</param>
    /// <param name="shapes">Shapes of the network's tensors, by name.</param>
    /// <exception cref="CheckpointException">A fused tensor does not have as many rows as its parts.</exception>
    public static OriginalCheckpoint Of(
        ICheckpointSource source,
        OriginalNames names,
        IReadOnlyDictionary<string, long[]> shapes
    )
    {
        var result = new OriginalCheckpoint(source);
        try
        {
            result.Read(names, shapes);
            return result;
        }
        catch
        {
            source.Dispose();
            throw;
        }
    }

    /// <inheritdoc/>
    public void CopyInto(string name, Tensor destination, ValueCheck values = ValueCheck.None)
    {
        var place = PlaceOf(name);
        if (place.IsWhole)
        {
            source.CopyInto(place.Stored, destination, values);
            return;
        }
        using var scope = torch.NewDisposeScope();
        using var noGrad = torch.no_grad();
        if (last?.Name != place.Stored)
        {
            last?.Tensor.Dispose();
            var stored = source.Tensors[place.Stored];
            var whole = torch.empty(stored.Shape, stored.Type);
            source.CopyInto(place.Stored, whole, values);
            last = (place.Stored, whole.DetachFromDisposeScope());
        }
        var rows = last.Value.Tensor.narrow(0, place.First, place.Rows);
        destination.copy_(place.Swaps ? Swapped(rows) : rows);
    }

    /// <inheritdoc/>
    public Tensor Load(string name)
    {
        PlaceOf(name);
        var tensor = torch.empty(tensors[name].Shape, tensors[name].Type);
        CopyInto(name, tensor);
        return tensor;
    }

    /// <summary>Closes the checkpoint.</summary>
    public void Dispose()
    {
        last?.Tensor.Dispose();
        last = null;
        source.Dispose();
    }

    /// <summary>Rows whose two halves have changed places.</summary>
    public static Tensor Swapped(Tensor rows)
    {
        var half = rows.shape[0] / 2;
        return torch.cat([rows.narrow(0, half, rows.shape[0] - half), rows.narrow(0, 0, half)], 0);
    }

    private void Read(OriginalNames names, IReadOnlyDictionary<string, long[]> shapes)
    {
        var start = Prefixes.First(prefix =>
            source.Tensors.ContainsKey(prefix + names.Signature) || prefix.Length == 0
        );
        var open = source.Tensors.Keys.ToHashSet(StringComparer.Ordinal);
        foreach (var ending in new[] { ".weight", ".bias" })
        {
            foreach (var layer in names.LayersOf([.. shapes.Keys], ending))
            {
                Add(start + layer.Name + ending, layer, ending, shapes, open);
            }
        }
        foreach (var (theirs, own) in names.Tensors)
        {
            foreach (var name in shapes.Keys.Where(name => Block(own, name) is not null).ToArray())
            {
                var stored = start + OriginalNames.Filled(theirs, Block(own, name)!.Value);
                if (open.Remove(stored))
                {
                    Put(name, new Place(stored, 0, source.Tensors[stored].Shape.FirstOrDefault(1), true, false));
                }
            }
        }
        // What has the prefix and no place in the table belongs to the transformer, and is refused when it is compared.
        foreach (var name in open.Where(name => start.Length > 0 && name.StartsWith(start, StringComparison.Ordinal)))
        {
            Put(name[start.Length..], new Place(name, 0, 0, true, false));
        }
        Others = [.. open.Where(name => start.Length == 0 || !name.StartsWith(start, StringComparison.Ordinal))];
        if (start.Length == 0)
        {
            foreach (var name in Others)
            {
                Put(name, new Place(name, 0, 0, true, false));
            }
            Others = [];
        }
    }

    private void Add(
        string stored,
        LayerOfNetwork layer,
        string ending,
        IReadOnlyDictionary<string, long[]> shapes,
        HashSet<string> open
    )
    {
        if (!open.Remove(stored))
        {
            return;
        }
        var tensor = source.Tensors[stored];
        long[] rows = [.. layer.Parts.Select(part => shapes[part + ending][0])];
        if (tensor.Shape.Length == 0 || (layer.Parts.Count > 1 && tensor.Shape[0] != rows.Sum()))
        {
            throw CheckpointException.ForTensor(
                tensor.File,
                stored,
                tensor.ToString(),
                $"{rows.Sum()} rows: {string.Join(" + ", rows)} of {string.Join(", ", layer.Parts)}"
            );
        }
        long first = 0;
        foreach ((var part, var count) in layer.Parts.Zip(rows))
        {
            var whole = layer.Parts.Count == 1 && !layer.SwapsHalves;
            Put(
                part + ending,
                new Place(stored, first, layer.Parts.Count == 1 ? tensor.Shape[0] : count, whole, layer.SwapsHalves)
            );
            first += count;
        }
    }

    private void Put(string name, Place place)
    {
        var stored = source.Tensors[place.Stored];
        var shape = place.IsWhole ? stored.Shape : [place.Rows, .. stored.Shape[1..]];
        if (tensors.TryAdd(name, stored with { Name = name, Shape = shape }))
        {
            places.Add(name, place);
        }
    }

    // The block that a name of the network is of; 0 for a name without one; null if it is another name.
    private static int? Block(string own, string name)
    {
        var star = own.IndexOf('*');
        if (star < 0)
        {
            return own == name ? 0 : null;
        }
        return
            name.StartsWith(own[..star], StringComparison.Ordinal)
            && name.EndsWith(own[(star + 1)..], StringComparison.Ordinal)
            && name.Length >= own.Length
            && int.TryParse(name.AsSpan(star, name.Length - own.Length + 1), out var block)
            ? block
            : null;
    }

    private Place PlaceOf(string name) =>
        places.TryGetValue(name, out var place)
            ? place
            : throw CheckpointException.ForTensor(Path, name, "no such tensor", $"one of {tensors.Count}");

    private sealed record Place(string Stored, long First, long Rows, bool IsWhole, bool Swaps);
}
