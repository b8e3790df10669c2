using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace FlowBP.Formats;

/// <summary>Files that hold one JSON object.</summary>
internal static class JsonFile
{
    // A layout of a thousand tensors has a hundred kilobytes. This is not the place for a checkpoint given by mistake.
    private const long LargestBytes = 64L << 20;

    /// <summary>Reads a file.</summary>
    /// <exception cref="CheckpointException">It is missing, too large, no JSON object, or has a key twice.</exception>
    public static JsonObject Read(string file) => Parse(file, Text(file, "no such file or folder"));

    /// <summary>The text of a file.</summary>
    /// <param name="file">The file.</param>
    /// <param name="missing">What is said of a file that is not there.</param>
    /// <exception cref="CheckpointException">It is missing, too large, or can't be read.</exception>
    public static string Text(string file, string missing) =>
        CheckpointException.Guard(
            file,
            () =>
                new FileInfo(file) is { Exists: true, Length: > LargestBytes } large
                    ? throw CheckpointException.ForFile(file, $"found {large.Length} bytes, expected a JSON file")
                    : File.ReadAllText(file),
            missing
        );

    /// <summary>A text that is one JSON object.</summary>
    /// <param name="file">Names the text in messages.</param>
    /// <param name="text">The JSON text.</param>
    /// <exception cref="CheckpointException">The text is no JSON object, has a key twice, or holds half a letter.</exception>
    internal static JsonObject Parse(string file, string text)
    {
        ForeignContent.Refuse(file, text);
        RequireLetters(file, text);
        var options = new JsonDocumentOptions { AllowDuplicateProperties = false };
        return CheckpointException.Guard(file, () => JsonNode.Parse(text, documentOptions: options)) as JsonObject
            ?? throw CheckpointException.ForFile(file, "found no JSON object");
    }

    /// <summary>
    /// Refuses half of a pair of UTF-16 units ("\ud83d"), which JSON can write and which is no letter: a document keeps texts as they
    /// are written, and says so to whoever asks for one.
    /// </summary>
    /// <param name="file">Names the text in messages.</param>
    /// <param name="text">JSON, valid or not.</param>
    /// <exception cref="CheckpointException">There is one; names its place.</exception>
    internal static void RequireLetters(string file, string text)
    {
        if (!text.Contains("\\u", StringComparison.Ordinal))
        {
            return;
        }
        var reader = new Utf8JsonReader(Encoding.UTF8.GetBytes(text));
        try
        {
            while (reader.Read())
            {
                if (reader.ValueIsEscaped)
                {
                    reader.GetString();
                }
            }
        }
        catch (JsonException)
        {
            // No JSON: whoever parses it says where.
        }
        catch (InvalidOperationException e)
        {
            throw CheckpointException.ForFile(
                file,
                $"holds half a letter (\\uD800 to \\uDFFF alone) at byte {reader.TokenStartIndex}",
                e
            );
        }
    }
}
