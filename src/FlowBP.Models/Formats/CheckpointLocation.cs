// Where a network's weights lie when only their folder or their usual name is known. The ecosystem has four layouts for the
// same thing: one safetensors file, several with an index, and both again from torch.save. Whoever asks for
// model.safetensors means the weights, however they were cut up.

namespace FlowBP.Models.Formats;

internal static class CheckpointLocation
{
    private static readonly string[] SafetensorsNames = ["diffusion_pytorch_model.safetensors", "model.safetensors"];

    /// <summary>The file or index that a path stands for.</summary>
    /// <param name="path">A file, an index, a folder, or a usual name in a folder that has another layout.</param>
    /// <exception cref="CheckpointException">Nothing is there.</exception>
    public static string Find(string path)
    {
        if (File.Exists(path))
        {
            return path;
        }
        string[] wanted = Directory.Exists(path)
            ? [.. SafetensorsNames.Select(name => Path.Combine(path, name))]
            : [path];
        return wanted.SelectMany(Layouts).FirstOrDefault(File.Exists)
            ?? throw CheckpointException.ForFile(
                path,
                Directory.Exists(path)
                    ? $"found no weights, expected {string.Join(" or ", SafetensorsNames)} (or an index, or a .bin) in this folder"
                    : "no such file"
            );
    }

    private static IEnumerable<string> Layouts(string file)
    {
        yield return file;
        yield return file + ShardedCheckpoint.IndexSuffix;
        string? folder = Path.GetDirectoryName(file);
        string? pickled = Path.GetFileName(file) switch
        {
            "diffusion_pytorch_model.safetensors" => "diffusion_pytorch_model.bin",
            "model.safetensors" => "pytorch_model.bin",
            _ => null,
        };
        if (pickled is not null)
        {
            string other = Path.Combine(folder ?? "", pickled);
            yield return other;
            yield return other + ShardedCheckpoint.IndexSuffix;
        }
    }
}
