// From the tensors of an adapter's file to changes of a network's layers: which layers they are, and whether shapes, rank and strength
// fit them.

using FlowBP.Formats;

namespace FlowBP.Models.Adapters;

/// <summary>Reads which layers of one network a file changes.</summary>
/// <param name="model">The network.</param>
/// <param name="layers">Its linear layers, by path.</param>
/// <param name="part">Its part in a pipeline.</param>
internal sealed class LoraFileReader(nn.Module model, IReadOnlyDictionary<string, Linear> layers, string part)
{
    private const int NamedProblems = 10;

    private readonly LayerNames names = new(model, [.. layers.Keys], part);
    private readonly List<string> problems = [];

    /// <summary>The changes, by path.</summary>
    /// <param name="tensors">The file.</param>
    /// <param name="settings">Where the strength may lie.</param>
    /// <exception cref="CheckpointException">The file is no plain LoRA of this network.</exception>
    public List<LoraFileEntry> Entries(ICheckpointSource tensors, LoraSettings settings)
    {
        ForeignAdapters.Refuse(tensors, model, part);
        var written = LayerTensors.Of(tensors);
        StrengthNotices.IfUnknown(tensors, settings, written);
        var entries = new List<LoraFileEntry>();
        foreach (var (layer, roles) in written)
        {
            entries.AddRange(EntriesOf(tensors, settings, layer, roles));
        }
        RefuseProblems(tensors.Path);
        StrengthNotices.IfZero(tensors, entries);
        foreach (var twice in entries.GroupBy(entry => entry.Path).Where(group => group.Count() > 1))
        {
            throw CheckpointException.ForTensor(
                tensors.Path,
                twice.First().A,
                $"two changes of the layer {twice.Key}, also '{twice.Last().A}'",
                "one"
            );
        }
        return [.. entries.OrderBy(entry => entry.Path, StringComparer.Ordinal)];
    }

    private IEnumerable<LoraFileEntry> EntriesOf(
        ICheckpointSource tensors,
        LoraSettings settings,
        string layer,
        Dictionary<FactorRole, string> roles
    )
    {
        if (!roles.TryGetValue(FactorRole.A, out var a) || !roles.TryGetValue(FactorRole.B, out var b))
        {
            var missing = roles.ContainsKey(FactorRole.A) ? "second" : "first";
            throw CheckpointException.ForTensor(
                tensors.Path,
                roles.Values.First(),
                $"no {missing} factor of '{layer}' beside it",
                "both factors"
            );
        }
        if (names.Resolve(layer) is not { } named)
        {
            problems.Add(
                $"tensor '{CheckpointException.Shorten(a)}': {model.GetName()} has no linear layer {names.WithoutPrefix(layer)}"
            );
            return [];
        }
        var shape = tensors.Tensors[a].Shape;
        if (shape.Length != 2 || shape[0] is < 1 or > int.MaxValue)
        {
            throw CheckpointException.ForTensor(tensors.Path, a, CheckpointException.Shape(shape), "[rank, inputs]");
        }
        var rank = (int)shape[0];
        settings.RequireRank(names.WithoutPrefix(layer), rank);
        var alpha = roles.TryGetValue(FactorRole.Alpha, out var stored)
            ? StoredAlpha(tensors, stored)
            : settings.AlphaOf(names.WithoutPrefix(layer)) ?? rank;
        Linear[] parts = [.. named.Paths.Select(path => layers[path])];
        AddMismatch(tensors, a, [rank, parts[0].in_features]);
        AddMismatch(tensors, b, [parts.Sum(one => one.out_features), rank]);
        long first = 0;
        var entries = new List<LoraFileEntry>();
        foreach ((var path, var linear) in named.Paths.Zip(parts))
        {
            entries.Add(
                new LoraFileEntry
                {
                    Path = path,
                    A = a,
                    B = b,
                    FirstRow = first,
                    SwapsHalves = named.SwapsHalves,
                    Rank = rank,
                    Alpha = alpha,
                    Scaling = settings.RankStabilized ? alpha / Math.Sqrt(rank) : alpha / rank,
                }
            );
            first += linear.out_features;
        }
        return entries;
    }

    private void AddMismatch(ICheckpointSource tensors, string name, long[] expected)
    {
        var found = tensors.Tensors[name];
        if (!found.Shape.AsSpan().SequenceEqual(expected) || !ElementTypes.IsFloating(found.Type))
        {
            problems.Add($"tensor '{name}': found {found}, expected {CheckpointException.Shape(expected)}");
        }
    }

    private void RefuseProblems(string file)
    {
        if (problems.Count > 0)
        {
            var more = problems.Count > NamedProblems ? $"; and {problems.Count - NamedProblems} more" : "";
            throw CheckpointException.ForFile(
                file,
                $"does not fit the model: {string.Join("; ", problems.Take(NamedProblems))}{more}"
            );
        }
    }

    private static double StoredAlpha(ICheckpointSource tensors, string name)
    {
        var stored = tensors.Tensors[name];
        if (stored.Shape.Aggregate(1L, (n, extent) => n * extent) != 1 || stored.Type == ScalarType.Bool)
        {
            throw CheckpointException.ForTensor(tensors.Path, name, stored.ToString(), "one number");
        }
        using var scope = torch.NewDisposeScope();
        var alpha = tensors.Load(name).to_type(ScalarType.Float64).reshape(1)[0].item<double>();
        return double.IsFinite(alpha)
            ? alpha
            : throw CheckpointException.ForTensor(tensors.Path, name, $"{alpha}", "a finite number");
    }
}
