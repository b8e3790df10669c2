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
    public static JsonObject Read(string file)
    {
        try
        {
            if (new FileInfo(file) is { Exists: true, Length: > LargestBytes } large)
            {
                throw CheckpointException.ForFile(file, $"found {large.Length} bytes, expected a JSON file");
            }
            var options = new JsonDocumentOptions { AllowDuplicateProperties = false };
            var text = File.ReadAllText(file);
            ForeignContent.Refuse(file, text);
            return JsonNode.Parse(text, documentOptions: options) is JsonObject json
                ? json
                : throw CheckpointException.ForFile(file, "found no JSON object");
        }
        catch (Exception e) when (e is FileNotFoundException or DirectoryNotFoundException)
        {
            throw CheckpointException.ForFile(file, "no such file or folder", e);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw CheckpointException.ForFile(file, $"cannot be read: {e.Message}", e);
        }
        catch (JsonException e)
        {
            throw CheckpointException.ForFile(file, $"is not valid JSON: {e.Message}", e);
        }
    }
}
