// The files that a CLIP tokenizer is made of, read with an error that names file and place.

using System.IO.Compression;
using System.Text;
using System.Text.Json;
using FlowBP.Formats;

namespace FlowBP.Models.Tokenizers;

internal static class ClipTokenizerFiles
{
    // The released list has three million.
    private const int LongestUnpacked = 16 << 20;

    /// <summary>The most tokens per prompt; no model is made for more than a few hundred.</summary>
    private const int LongestPrompt = 1 << 16;

    /// <summary>The merges of the file that was released with CLIP, gzipped or not.</summary>
    public static List<(string, string)> ReadReleasedMerges(string file)
    {
        var text = file.EndsWith(".gz", StringComparison.Ordinal) ? ReadGzip(file) : ReadText(file);
        // The released file goes on far beyond the vocabulary of 49408 that every CLIP uses.
        return ParseMerges(file, text, limit: 49408 - 512 - 2);
    }

    /// <summary>The merges of a tokenizer folder.</summary>
    public static List<(string, string)> ReadMerges(string file) => ParseMerges(file, ReadText(file), int.MaxValue);

    /// <summary>Padding token and length limit, where the file is there and says so.</summary>
    public static (string? PadToken, int? MaxLength) ReadConfig(string file)
    {
        if (!File.Exists(file))
        {
            return (null, null);
        }
        using var config = ParseJson(file);
        return config.RootElement.ValueKind == JsonValueKind.Object
            ? (PadToken(config.RootElement), MaxLengthOf(config.RootElement))
            : throw CheckpointException.ForFile(file, "found no JSON object");
    }

    /// <summary>Tokens per prompt of a tokenizer folder.</summary>
    public static int ReadLength(string folder) =>
        ReadConfig(Path.Combine(folder, "tokenizer_config.json")).MaxLength ?? ClipTokenizer.DefaultLength;

    private static List<(string, string)> ParseMerges(string file, string text, int limit)
    {
        var merges = new List<(string, string)>();
        foreach (var line in text.Split('\n').Skip(1).Take(limit)) // the first line is a version note
        {
            var parts = line.Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries);
            if (parts.Length == 2)
            {
                merges.Add((parts[0], parts[1]));
            }
            else if (parts.Length != 0)
            {
                throw CheckpointException.ForFile(
                    file,
                    $"line {merges.Count + 2}: found '{CheckpointException.Shorten(line)}', expected two pieces"
                );
            }
        }
        return merges;
    }

    /// <summary>Ids by piece.</summary>
    public static Dictionary<string, int> ReadVocabulary(string file)
    {
        using var json = ParseJson(file);
        if (json.RootElement.ValueKind != JsonValueKind.Object)
        {
            throw CheckpointException.ForFile(file, "found no JSON object");
        }
        var ids = new Dictionary<string, int>(StringComparer.Ordinal);
        foreach (var entry in json.RootElement.EnumerateObject())
        {
            if (
                entry.Value.ValueKind != JsonValueKind.Number
                || !entry.Value.TryGetInt32(out var id)
                || id is < 0 or > 10_000_000
            )
            {
                throw CheckpointException.ForFile(
                    file,
                    $"entry '{entry.Name}': found {entry.Value}, expected a token id"
                );
            }
            ids[entry.Name] = id;
        }
        return ids;
    }

    private static string? PadToken(JsonElement config) =>
        !config.TryGetProperty("pad_token", out var pad) ? null
        : pad.ValueKind == JsonValueKind.String ? pad.GetString()
        : pad.ValueKind == JsonValueKind.Object
        && pad.TryGetProperty("content", out var content)
        && content.ValueKind == JsonValueKind.String
            ? content.GetString()
        : null;

    // A tokenizer without a limit says 1e30, or another number that no model was made for.
    private static int? MaxLengthOf(JsonElement config) =>
        config.TryGetProperty("model_max_length", out var length)
        && length.ValueKind == JsonValueKind.Number
        && length.TryGetInt32(out var value)
        && value is >= 2 and <= LongestPrompt
            ? value
            : null;

    public static JsonDocument ParseJson(string file) =>
        CheckpointException.Guard(
            file,
            () => JsonDocument.Parse(ReadJson(file), new JsonDocumentOptions { AllowDuplicateProperties = false })
        );

    private static string ReadJson(string file)
    {
        var text = ReadText(file);
        JsonFile.RequireLetters(file, text);
        return text;
    }

    private static string ReadText(string file)
    {
        var text = JsonFile.Text(file, "no such file");
        ForeignContent.Refuse(file, text);
        return text;
    }

    private static string ReadGzip(string file) =>
        CheckpointException.Guard(
            file,
            () =>
            {
                using var stream = new GZipStream(File.OpenRead(file), CompressionMode.Decompress);
                using var reader = new StreamReader(stream, Encoding.UTF8);
                // A kilobyte can unpack to a megabyte: no further than a list of merges is long.
                var text = new char[LongestUnpacked + 1];
                var length = reader.ReadBlock(text);
                return length <= LongestUnpacked
                    ? new string(text, 0, length)
                    : throw CheckpointException.ForFile(
                        file,
                        $"unpacks to more than {LongestUnpacked} characters, expected a list of merges"
                    );
            }
        );
}
