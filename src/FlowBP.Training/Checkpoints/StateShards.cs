// The state of training in files, one of each rank. A rank writes the parameters that it owns, whole, with their moments; whoever
// reads takes all files together, so that a run may go on with another number of ranks. Each file says of which step and rank it is:
// those of two steps never make one state.

using System.Globalization;
using System.Text.RegularExpressions;
using FlowBP.Formats;

namespace FlowBP.Training.Checkpoints;

/// <summary>Whose part of which step a shard is.</summary>
/// <param name="Step">Training steps made.</param>
/// <param name="Rank">The rank, from 0.</param>
/// <param name="Ranks">How many there are.</param>
public readonly record struct ShardPlace(int Step, int Rank, int Ranks)
{
    /// <summary>Its path in a checkpoint.</summary>
    public string FileName =>
        string.Create(
            CultureInfo.InvariantCulture,
            $"{CheckpointManifest.StateFolder}/rank-{Rank + 1:D5}-of-{Ranks:D5}.safetensors"
        );

    /// <summary>What its header says.</summary>
    public IReadOnlyDictionary<string, string> Metadata =>
        new Dictionary<string, string>
        {
            ["format"] = "pt",
            ["step"] = Step.ToString(CultureInfo.InvariantCulture),
            ["rank"] = Rank.ToString(CultureInfo.InvariantCulture),
            ["ranks"] = Ranks.ToString(CultureInfo.InvariantCulture),
        };
}

/// <summary>All shards of a checkpoint, open.</summary>
public sealed partial class StateShards : IDisposable
{
    private const int NamedProblems = 10;

    private readonly string folder;
    private readonly List<SafetensorsFile> files = [];
    private readonly Dictionary<string, SafetensorsFile> fileOf = new(StringComparer.Ordinal);

    private StateShards(string folder) => this.folder = folder;

    /// <summary>Writes the shard of a rank.</summary>
    /// <param name="folder">The checkpoint's folder, or where it is being written.</param>
    /// <param name="place">Whose it is.</param>
    /// <param name="tensors">Tensors by name, see <see cref="TrainingState"/>.</param>
    /// <exception cref="CheckpointException">It can't be written.</exception>
    public static void Write(string folder, ShardPlace place, IReadOnlyDictionary<string, Tensor> tensors) =>
        SafetensorsWriter.Write(Path.Combine(folder, place.FileName), tensors, place.Metadata);

    /// <summary>Opens all shards.</summary>
    /// <param name="folder">The checkpoint.</param>
    /// <param name="manifest">Its manifest.</param>
    /// <exception cref="CheckpointException">
    /// A shard is not listed, missing, damaged, or of another step or rank; or two hold the same tensor.
    /// </exception>
    public static StateShards Open(string folder, CheckpointManifest manifest)
    {
        var shards = new StateShards(folder);
        try
        {
            for (var rank = 0; rank < manifest.Ranks; rank++)
            {
                shards.Add(new(manifest.Step, rank, manifest.Ranks), manifest);
            }
            var listed = manifest.Files.Count(file => ShardName().IsMatch(file.Name));
            return listed == manifest.Ranks
                ? shards
                : throw CheckpointException.ForFile(
                    folder,
                    $"found {listed} shards, expected one of each of {manifest.Ranks} ranks"
                );
        }
        catch
        {
            shards.Dispose();
            throw;
        }
    }

    /// <summary>Names of all tensors.</summary>
    public IReadOnlyCollection<string> Names => fileOf.Keys;

    /// <summary>Compares the tensors with those that are to receive them; nothing is copied.</summary>
    /// <param name="wanted">Shapes and types of tensors, by name.</param>
    /// <exception cref="CheckpointException">One is missing, too many, or of another shape or type; names up to ten.</exception>
    public void RequireFits(IReadOnlyDictionary<string, (long[] Shape, ScalarType Type)> wanted)
    {
        List<string> problems =
        [
            .. wanted
                .OrderBy(pair => pair.Key, StringComparer.Ordinal)
                .Select(pair => Problem(pair.Key, pair.Value))
                .OfType<string>(),
            .. fileOf
                .Keys.Where(name => !wanted.ContainsKey(name))
                .Order(StringComparer.Ordinal)
                .Select(name => $"{name} is not trained by this run"),
        ];
        if (problems.Count > 0)
        {
            var more = problems.Count > NamedProblems ? $"; and {problems.Count - NamedProblems} more" : "";
            throw CheckpointException.ForFile(
                folder,
                $"does not fit what this run trains: {string.Join("; ", problems.Take(NamedProblems))}{more}"
            );
        }
    }

    /// <summary>Copies a tensor's values into another one.</summary>
    /// <param name="name">Its name.</param>
    /// <param name="destination">A tensor of the stored shape and type, on any device.</param>
    public void CopyInto(string name, Tensor destination) => fileOf[name].CopyInto(name, destination);

    /// <summary>Reads a tensor.</summary>
    /// <param name="name">Its name.</param>
    public Tensor Load(string name) => fileOf[name].Load(name);

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (var file in files)
        {
            file.Dispose();
        }
    }

    private string? Problem(string name, (long[] Shape, ScalarType Type) wanted)
    {
        if (!fileOf.TryGetValue(name, out var file))
        {
            return $"{name} is missing";
        }
        var found = file.Tensors[name];
        return found.Shape.AsSpan().SequenceEqual(wanted.Shape) && found.Type == wanted.Type
            ? null
            : $"{name} is {found}, expected {wanted.Type} [{string.Join(", ", wanted.Shape)}]";
    }

    private void Add(ShardPlace place, CheckpointManifest manifest)
    {
        if (!manifest.Files.Any(file => file.Name == place.FileName))
        {
            throw CheckpointException.ForFile(folder, $"its manifest does not list {place.FileName}");
        }
        var file = SafetensorsFile.Open(Path.Combine(folder, place.FileName));
        files.Add(file);
        foreach (var (key, expected) in place.Metadata)
        {
            if (file.Metadata.GetValueOrDefault(key) is var found && found != expected)
            {
                throw CheckpointException.ForFile(
                    file.Path,
                    $"is of {key} {found ?? "none"}, expected {key} {expected}: shards of one checkpoint only make a state"
                );
            }
        }
        foreach (var name in file.Entries.Keys)
        {
            if (!fileOf.TryAdd(name, file))
            {
                throw CheckpointException.ForFile(file.Path, $"has {name}, which another shard has too");
            }
        }
    }

    [GeneratedRegex(@"^training_state/rank-\d{5}-of-\d{5}\.safetensors$")]
    private static partial Regex ShardName();
}
