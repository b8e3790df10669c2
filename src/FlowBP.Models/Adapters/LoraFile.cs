// pytorch_lora_weights.safetensors, as diffusers writes and reads it: two tensors per layer, `<part>.<path>.lora_A.weight` and
// `…lora_B.weight`. Rank is their shape. The strength is not: it lies in the header's metadata, under lora_adapter_metadata, as
// the JSON of PEFT's settings with the part's name before each key; in older files in a scalar `….alpha` per layer; and where
// neither is, alpha is the rank. All three are read, the first is written.

using FlowBP.Models.Formats;

namespace FlowBP.Models.Adapters;

/// <summary>One layer of a file.</summary>
/// <param name="Path">Dotted path in the model.</param>
/// <param name="A">Name of the first factor's tensor.</param>
/// <param name="B">Name of the second factor's tensor.</param>
/// <param name="Rank">Rank of the change.</param>
/// <param name="Alpha">Numerator of the strength.</param>
/// <param name="Scaling">The strength.</param>
internal sealed record LoraFileEntry(string Path, string A, string B, int Rank, double Alpha, double Scaling);

internal sealed class LoraFile : IDisposable
{
    public const string Name = "pytorch_lora_weights.safetensors";
    public const string TransformerPrefix = "transformer";

    private const string SuffixA = ".lora_A.weight";
    private const string SuffixB = ".lora_B.weight";
    private const string SuffixAlpha = ".alpha";
    private const int NamedProblems = 10;

    private readonly SafetensorsFile tensors;
    private readonly string prefix;
    private readonly LoraMetadata metadata;

    private LoraFile(SafetensorsFile tensors, string prefix)
    {
        this.tensors = tensors;
        this.prefix = prefix;
        metadata = LoraMetadata.Read(tensors, prefix);
        Entries = ReadEntries();
        Config = metadata.ToConfig(Entries);
    }

    /// <summary>The layers, by path.</summary>
    public IReadOnlyList<LoraFileEntry> Entries { get; }

    /// <summary>The settings as far as they are one for all layers.</summary>
    public LoraConfig Config { get; }

    public static LoraFile Open(string path, string prefix)
    {
        string file = Directory.Exists(path) ? Path.Combine(path, Name) : path;
        SafetensorsFile tensors = SafetensorsFile.Open(file);
        try
        {
            return new LoraFile(tensors, prefix);
        }
        catch
        {
            tensors.Dispose();
            throw;
        }
    }

    public static void Write(
        string file,
        string prefix,
        LoraConfig config,
        IReadOnlyList<LoraLayer> layers,
        ScalarType? dtype
    )
    {
        IEnumerable<TensorToWrite> content = layers.SelectMany(layer =>
            new[]
            {
                new TensorToWrite($"{prefix}.{layer.Path}{SuffixA}", layer.A_RI, dtype),
                new TensorToWrite($"{prefix}.{layer.Path}{SuffixB}", layer.B_OR, dtype),
            }
        );
        var header = new Dictionary<string, string>(SafetensorsWriter.UsualMetadata)
        {
            [LoraMetadata.Key] = LoraMetadata.Json(prefix, config, layers),
        };
        AtomicFile.Write(file, SafetensorsWriter.Content([.. content], header));
    }

    /// <summary>Refuses a file whose layers the model does not have, or has in other sizes.</summary>
    public void Compare(string model, Dictionary<string, Linear> known)
    {
        var problems = new List<string>();
        foreach (LoraFileEntry entry in Entries)
        {
            if (!known.TryGetValue(entry.Path, out Linear? layer))
            {
                problems.Add($"tensor '{entry.A}': {model} has no linear layer {entry.Path}");
                continue;
            }
            AddMismatch(problems, entry.A, [entry.Rank, layer.in_features]);
            AddMismatch(problems, entry.B, [layer.out_features, entry.Rank]);
        }
        if (problems.Count > 0)
        {
            string more = problems.Count > NamedProblems ? $"; and {problems.Count - NamedProblems} more" : "";
            throw CheckpointException.ForFile(
                tensors.Path,
                $"does not fit the model: {string.Join("; ", problems.Take(NamedProblems))}{more}"
            );
        }
    }

    public void CopyInto(LoraFileEntry entry, LoraLayer layer)
    {
        tensors.CopyInto(entry.A, layer.A_RI, ValueCheck.Finite);
        tensors.CopyInto(entry.B, layer.B_OR, ValueCheck.Finite);
    }

    public void Dispose() => tensors.Dispose();

    private void AddMismatch(List<string> problems, string name, long[] expected)
    {
        StoredTensor found = tensors.Tensors[name];
        if (!found.Shape.AsSpan().SequenceEqual(expected) || !ElementTypes.IsFloating(found.Type))
        {
            problems.Add($"tensor '{name}': found {found}, expected {CheckpointException.Shape(expected)}");
        }
    }

    private List<LoraFileEntry> ReadEntries()
    {
        var entries = new List<LoraFileEntry>();
        foreach (string name in tensors.Tensors.Keys.Order(StringComparer.Ordinal))
        {
            (string path, string suffix) = Parse(name);
            string Other(string wanted) => name[..^suffix.Length] + wanted;
            string partner = suffix == SuffixA ? SuffixB : SuffixA;
            if (!tensors.Tensors.ContainsKey(Other(partner)))
            {
                throw CheckpointException.ForTensor(
                    tensors.Path,
                    name,
                    $"it without '{Other(partner)}'",
                    "both factors"
                );
            }
            if (suffix == SuffixA)
            {
                entries.Add(Entry(path, name, Other(SuffixB), Other(SuffixAlpha)));
            }
        }
        return entries.Count > 0
            ? entries
            : throw CheckpointException.ForFile(tensors.Path, $"found no tensor named {prefix}.<layer>{SuffixA}");
    }

    private (string Path, string Suffix) Parse(string name)
    {
        string? suffix = new[] { SuffixA, SuffixB, SuffixAlpha }.FirstOrDefault(end =>
            name.EndsWith(end, StringComparison.Ordinal)
        );
        string start = prefix + ".";
        if (
            suffix is null
            || !name.StartsWith(start, StringComparison.Ordinal)
            || name.Length <= start.Length + suffix.Length
        )
        {
            throw CheckpointException.ForTensor(
                tensors.Path,
                name,
                "it among the factors",
                $"names of the form {prefix}.<layer>{SuffixA}, …{SuffixB} or …{SuffixAlpha}"
            );
        }
        return (name[start.Length..^suffix.Length], suffix);
    }

    private LoraFileEntry Entry(string path, string a, string b, string alphaName)
    {
        long[] shape = tensors.Tensors[a].Shape;
        if (shape.Length != 2 || shape[0] is < 1 or > int.MaxValue)
        {
            throw CheckpointException.ForTensor(tensors.Path, a, CheckpointException.Shape(shape), "[rank, inputs]");
        }
        int rank = (int)shape[0];
        double alpha = tensors.Tensors.ContainsKey(alphaName) ? StoredAlpha(alphaName) : metadata.AlphaOf(path) ?? rank;
        double scaling = metadata.RankStabilized ? alpha / Math.Sqrt(rank) : alpha / rank;
        return new LoraFileEntry(path, a, b, rank, alpha, scaling);
    }

    private double StoredAlpha(string name)
    {
        StoredTensor stored = tensors.Tensors[name];
        if (stored.Shape.Aggregate(1L, (n, extent) => n * extent) != 1 || !ElementTypes.IsFloating(stored.Type))
        {
            throw CheckpointException.ForTensor(tensors.Path, name, stored.ToString(), "one floating-point number");
        }
        using var scope = torch.NewDisposeScope();
        return tensors.Load(name).to_type(ScalarType.Float64).item<double>();
    }
}
