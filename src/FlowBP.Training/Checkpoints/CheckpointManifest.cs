// What a checkpoint says of itself, in training_state/manifest.json. It is written last and vouches for every other file; a hash over
// its own text vouches for itself.

using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using System.Text.Json.Serialization;
using FlowBP.Formats;

namespace FlowBP.Training.Checkpoints;

/// <summary>Why a checkpoint was made.</summary>
public enum CheckpointReason
{
    /// <summary>It was due.</summary>
    Interval,

    /// <summary>A signal asked the run to be suspended; it goes when the next one stands.</summary>
    Signal,
}

/// <summary>A file of a checkpoint.</summary>
/// <param name="Name">Its path in the checkpoint's folder, with slashes.</param>
/// <param name="Bytes">Its length.</param>
/// <param name="Sha256">SHA-256 of its content, lower-case hexadecimal.</param>
public sealed record CheckpointFile(string Name, long Bytes, string Sha256);

/// <summary>The counters of a run.</summary>
/// <param name="OptimizerSteps">Updates made; a step in which nothing pulled is none.</param>
/// <param name="Seconds">Wall time of the steps so far.</param>
/// <param name="LeftOut">Steps that were left out because a number was not finite.</param>
public sealed record CheckpointCounters(long OptimizerSteps, double Seconds, int LeftOut);

/// <summary>The state of the alarm against reward hacking.</summary>
/// <param name="Heard">The step that was judged last.</param>
/// <param name="BestStep">The step of the best judgement.</param>
/// <param name="BestScores">Its scores, one per prompt.</param>
/// <param name="TrippedAt">The first step whose judgement tripped the alarm; null: none did.</param>
/// <param name="KeptStep">The step whose weights the model has.</param>
public sealed record AlarmState(
    int Heard,
    int BestStep,
    IReadOnlyList<double> BestScores,
    int? TrippedAt,
    int KeptStep
);

/// <summary>The best of the evaluations of steps that have a checkpoint.</summary>
/// <param name="Step">The step.</param>
/// <param name="Metric">Whose judgement it is.</param>
/// <param name="Score">Mean over all pictures.</param>
public sealed record BestEvaluation(int Step, string Metric, double Score);

/// <summary>What a checkpoint says of itself.</summary>
public sealed record CheckpointManifest
{
    /// <summary>The form of checkpoint that is written and read.</summary>
    public const int CurrentVersion = 1;

    /// <summary>The folder of a checkpoint in which the state of training lies.</summary>
    public const string StateFolder = "training_state";

    /// <summary>The manifest's own path in a checkpoint.</summary>
    public const string FileName = $"{StateFolder}/manifest.json";

    private const long LargestBytes = 64L << 20;
    private const int Deepest = 8;
    private const string HashKey = "sha256";
    private const string ContentKey = "checkpoint";

    private static readonly JsonSerializerOptions s_options = new()
    {
        PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower,
        DictionaryKeyPolicy = null,
        UnmappedMemberHandling = JsonUnmappedMemberHandling.Disallow,
        RespectNullableAnnotations = true,
        RespectRequiredConstructorParameters = true,
        MaxDepth = Deepest,
        WriteIndented = true,
        Converters = { new JsonStringEnumConverter(JsonNamingPolicy.SnakeCaseLower, allowIntegerValues: false) },
    };

    /// <summary>The form.</summary>
    public int Version { get; init; } = CurrentVersion;

    /// <summary>Training steps made.</summary>
    public required int Step { get; init; }

    /// <summary>Why it was made.</summary>
    public required CheckpointReason Reason { get; init; }

    /// <summary>Ranks that wrote a shard each.</summary>
    public required int Ranks { get; init; }

    /// <summary>Counters of the run.</summary>
    public required CheckpointCounters Counters { get; init; }

    /// <summary>Every setting of the run, as it would be typed.</summary>
    public required IReadOnlyDictionary<string, string> Settings { get; init; }

    /// <summary>Hashes of what the settings only name: weights, prompts, data.</summary>
    public required IReadOnlyDictionary<string, string> Fingerprints { get; init; }

    /// <summary>Updates of each trained parameter, by name.</summary>
    public required IReadOnlyDictionary<string, long> Ages { get; init; }

    /// <summary>The alarm; null: nobody watches, or nothing was judged yet.</summary>
    public AlarmState? Alarm { get; init; }

    /// <summary>The best evaluation; null: there is none.</summary>
    public BestEvaluation? Best { get; init; }

    /// <summary>All other files of the checkpoint.</summary>
    public required IReadOnlyList<CheckpointFile> Files { get; init; }

    /// <summary>The text of the file.</summary>
    public string ToJson()
    {
        var content = JsonSerializer.Serialize(this, s_options);
        return $"{{\"{HashKey}\": \"{Hash(content)}\",\n\"{ContentKey}\": {content}}}\n";
    }

    /// <summary>Reads the manifest of a checkpoint; the files that it names are not looked at.</summary>
    /// <param name="folder">The checkpoint.</param>
    /// <exception cref="CheckpointException">It is missing, damaged or of another form.</exception>
    public static CheckpointManifest Read(string folder)
    {
        var file = Path.Combine(folder, FileName);
        return CheckpointException.Guard(
            file,
            () =>
                new FileInfo(file) is { Exists: true, Length: > LargestBytes } large
                    ? throw CheckpointException.ForFile(file, $"found {large.Length} bytes, expected a manifest")
                    : Parse(file, File.ReadAllText(file)),
            "no such file, so this is no complete checkpoint of a run"
        );
    }

    private static CheckpointManifest Parse(string file, string text)
    {
        try
        {
            using var json = JsonDocument.Parse(
                text,
                new JsonDocumentOptions { AllowDuplicateProperties = false, MaxDepth = Deepest }
            );
            var root = json.RootElement;
            if (
                root.ValueKind != JsonValueKind.Object
                || !root.TryGetProperty(ContentKey, out var content)
                || !root.TryGetProperty(HashKey, out var hash)
                || root.GetPropertyCount() != 2
            )
            {
                throw CheckpointException.ForFile(file, "is no manifest of a checkpoint");
            }
            if (hash.ValueKind != JsonValueKind.String || hash.GetString() != Hash(content.GetRawText()))
            {
                throw CheckpointException.ForFile(file, "is damaged: its content is not what was written");
            }
            if (
                content.ValueKind != JsonValueKind.Object
                || !content.TryGetProperty("version", out var version)
                || !version.TryGetInt32(out var found)
                || found != CurrentVersion
            )
            {
                throw CheckpointException.ForFile(file, $"is of another form, expected version {CurrentVersion}");
            }
            return Checked(file, content.Deserialize<CheckpointManifest>(s_options)!);
        }
        catch (Exception e)
            when (e is InvalidOperationException or NotSupportedException or ArgumentException or FormatException)
        {
            throw CheckpointException.ForFile(file, $"is no manifest of a checkpoint: {e.Message}", e);
        }
    }

    private static CheckpointManifest Checked(string file, CheckpointManifest manifest)
    {
        var problem =
            manifest.Step < 1 ? $"step {manifest.Step}"
            : manifest.Ranks < 1 ? $"{manifest.Ranks} ranks"
            : manifest.Files.Any(each => each is null) ? "a file without a name"
            : manifest.Files.FirstOrDefault(each => each.Bytes < 0 || !IsBelow(each.Name)) is { } wrong
                ? $"the file '{wrong.Name}' of {wrong.Bytes} bytes"
            : manifest.Files.Select(each => each.Name).Distinct(StringComparer.Ordinal).Count() != manifest.Files.Count
                ? "a file twice"
            : Counts(manifest).FirstOrDefault(count => count.Value < 0) is { Name: { } name } count
                ? $"{count.Value} as {name}"
            : Numbers(manifest).Any(number => !double.IsFinite(number)) ? "a number that is not finite"
            : manifest.Settings.Values.Concat(manifest.Fingerprints.Values).Any(text => text is null)
                ? "a setting or fingerprint of null"
            : manifest.Alarm is { BestScores.Count: 0 } ? "an alarm without scores"
            : null;
        return problem is null
            ? manifest
            : throw CheckpointException.ForFile(file, $"found {problem}, which no run writes");
    }

    private static IEnumerable<(string Name, long Value)> Counts(CheckpointManifest manifest) =>
        [
            ("optimizer_steps", manifest.Counters.OptimizerSteps),
            ("left_out", manifest.Counters.LeftOut),
            .. manifest.Ages.Select(age => ($"the age of '{age.Key}'", age.Value)),
        ];

    private static IEnumerable<double> Numbers(CheckpointManifest manifest) =>
        [manifest.Counters.Seconds, manifest.Best?.Score ?? 0, .. manifest.Alarm?.BestScores ?? []];

    private static bool IsBelow(string name) =>
        name.Length > 0
        && !name.Contains('\0')
        && !Path.IsPathRooted(name)
        && !name.Split('/').Any(part => part is ".." or "." or "");

    private static string Hash(string text) => Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(text)));
}
