// Aligning changes the transformer alone. A saved model folder needs the other parts too, and those that are never loaded here
// (text encoders of many gigabytes whose outputs were computed beforehand) are copied from the folder the model came from.

using System.Text.Json.Nodes;
using FlowBP.Models.Formats;

namespace FlowBP.Models;

/// <summary>The parts of a model folder that a pipeline neither loads nor changes, and its table of contents.</summary>
/// <param name="source">The folder that the model was loaded from; null: there is none, and no such parts.</param>
/// <param name="index">Content of <c>model_index.json</c> for a model with all parts.</param>
internal sealed class UntouchedParts(string? source, JsonObject index)
{
    /// <summary>Copies the parts, then writes <c>model_index.json</c>, in which absent parts are null.</summary>
    /// <param name="folder">The folder to write.</param>
    /// <param name="parts">Names of the sub-folders.</param>
    /// <exception cref="CheckpointException">A file cannot be written.</exception>
    public void WriteTo(string folder, IReadOnlyList<string> parts)
    {
        var written = (JsonObject)index.DeepClone();
        foreach (string part in parts)
        {
            string from = Path.Combine(source ?? folder, part);
            if (!Directory.Exists(from))
            {
                written[part] = new JsonArray(null, null);
                continue;
            }
            Copy(from, Path.Combine(folder, part));
        }
        AtomicFile.WriteText(Path.Combine(folder, "model_index.json"), written.ToConfigText());
    }

    /// <summary>The table of contents of a folder.</summary>
    /// <exception cref="CheckpointException">The file is missing, damaged, or of another class.</exception>
    public static JsonObject ReadIndex(string folder, string pipelineClass)
    {
        string file = Path.Combine(folder, "model_index.json");
        string found = new DiffusersFolder(folder).PipelineClass();
        if (found != pipelineClass)
        {
            throw CheckpointException.ForFile(file, $"found pipeline class {found}, expected {pipelineClass}");
        }
        return (JsonObject)JsonNode.Parse(File.ReadAllText(file))!;
    }

    private static void Copy(string from, string to)
    {
        if (Path.GetFullPath(from) == Path.GetFullPath(to))
        {
            return;
        }
        foreach (string file in Directory.EnumerateFiles(from, "*", SearchOption.AllDirectories))
        {
            AtomicFile.Write(
                Path.Combine(to, Path.GetRelativePath(from, file)),
                stream =>
                {
                    using FileStream content = File.OpenRead(file);
                    content.CopyTo(stream);
                }
            );
        }
    }
}
