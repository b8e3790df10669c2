// From the tensors of an adapter's file to changes of a network's layers. Everything that the file holds is understood, or it is
// refused with what it is: a part that was left out would be an adapter that is silently weaker.

using FlowBP.Formats;

namespace FlowBP.Models.Adapters;

/// <summary>Reads which layers of one network a file changes.</summary>
/// <param name="model">The network.</param>
/// <param name="layers">Its linear layers, by path.</param>
/// <param name="part">Its part in a pipeline.</param>
internal sealed class LoraFileReader(nn.Module model, IReadOnlyDictionary<string, Linear> layers, string part)
{
    private const int NamedProblems = 10;

    // Where sd-scripts notes what it was called with.
    private const string TrainedAlpha = "ss_network_alpha";

    private readonly LayerNames names = new(model, [.. layers.Keys], part);
    private readonly List<string> problems = [];

    /// <summary>The changes, by path.</summary>
    /// <param name="tensors">The file.</param>
    /// <param name="settings">Where the strength may lie.</param>
    /// <exception cref="CheckpointException">The file is no plain LoRA of this network.</exception>
    public List<LoraFileEntry> Entries(ICheckpointSource tensors, LoraSettings settings)
    {
        RefuseOthers(tensors);
        var written = new SortedDictionary<string, Dictionary<FactorRole, string>>(StringComparer.Ordinal);
        foreach (var name in tensors.Tensors.Keys.Order(StringComparer.Ordinal))
        {
            var (layer, role) = FactorNames.Parse(name)!.Value;
            if (!written.TryGetValue(layer, out var roles))
            {
                written.Add(layer, roles = []);
            }
            if (!roles.TryAdd(role, name))
            {
                throw CheckpointException.ForTensor(
                    tensors.Path,
                    name,
                    $"it and '{roles[role]}'",
                    "one adapter per file"
                );
            }
        }
        var anyStrength = settings.HasAlpha || written.Values.Any(roles => roles.ContainsKey(FactorRole.Alpha));
        if (
            !anyStrength
            && written.Keys.All(LayerNames.IsPeft)
            && Path.GetFileName(tensors.Path).StartsWith("adapter_", StringComparison.Ordinal)
        )
        {
            LoadingNotices.Say(
                $"{tensors.Path}: there is no adapter_config.json beside it to say how strong it is; its strength is taken as 1"
            );
        }
        if (!anyStrength && tensors is SafetensorsFile { Metadata: var header } && header.ContainsKey(TrainedAlpha))
        {
            LoadingNotices.Say(
                $"{tensors.Path}: it was trained with alpha {header[TrainedAlpha]} ({TrainedAlpha}), but no layer has an alpha;"
                    + " its strength is taken as 1, as ComfyUI and sd-scripts do"
            );
        }
        var entries = new List<LoraFileEntry>();
        foreach (var (layer, roles) in written)
        {
            entries.AddRange(EntriesOf(tensors, settings, layer, roles));
        }
        RefuseProblems(tensors.Path);
        if (entries.All(entry => entry.Scaling == 0))
        {
            LoadingNotices.Say($"{tensors.Path}: alpha is 0 in every layer, so that this adapter changes nothing");
        }
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

    private void RefuseOthers(ICheckpointSource tensors)
    {
        string[] all = [.. tensors.Tensors.Keys];
        if (all.Select(FactorNames.OtherKind).FirstOrDefault(kind => kind is not null) is { } other)
        {
            var example = all.First(name => FactorNames.OtherKind(name) is not null);
            throw CheckpointException.ForFile(
                tensors.Path,
                $"is an adapter of another kind, {other}: plain LoRA only is read here (tensor '{CheckpointException.Shorten(example)}')"
            );
        }
        if (all.All(name => FactorNames.Parse(name) is null))
        {
            throw CheckpointException.ForFile(
                tensors.Path,
                $"is no low-rank adapter: none of its {all.Length} tensors is named …lora_A.weight, …lora_down.weight or in"
                    + " another form of LoRA"
            );
        }
        if (all.Select(LayerNames.OtherNetworkOf).FirstOrDefault(network => network is not null) is { } foreign)
        {
            throw CheckpointException.ForFile(
                tensors.Path,
                $"is an adapter of {foreign}, expected one of {model.GetName()}"
            );
        }
        string[] encoders = [.. all.Select(LayerNames.TextEncoderOf).OfType<string>().Distinct().Order()];
        if (encoders.Length > 0)
        {
            var alone = all.All(name => LayerNames.TextEncoderOf(name) is not null);
            throw CheckpointException.ForFile(
                tensors.Path,
                $"this adapter {(alone ? "changes" : "also changes")} {string.Join(" and ", encoders)}; changes of a text encoder"
                    + " are not supported, and without them it would paint something else: take one of the transformer alone"
            );
        }
        if (all.FirstOrDefault(name => FactorNames.Parse(name) is null) is { } unknown)
        {
            throw CheckpointException.ForTensor(
                tensors.Path,
                unknown,
                "a tensor that is no factor of a LoRA",
                $"names of the form {part}.<layer>.lora_A.weight, …lora_B.weight or …alpha, or another trainer's for these"
            );
        }
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
