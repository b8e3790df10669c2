// Which file an adapter is. diffusers has one name for it, PEFT another with a configuration beside it, and trainers name it after the
// style and the step; a folder with one file of weights means that file.

using FlowBP.Formats;

namespace FlowBP.Models.Adapters;

/// <summary>An adapter's file, and PEFT's configuration of it.</summary>
/// <param name="File">The file of factors.</param>
/// <param name="Config">adapter_config.json beside it; null: there is none, or it is another file's.</param>
/// <param name="IsPeft">Whether the file has PEFT's name, which makes the configuration its own.</param>
internal sealed record LoraLocation(string File, string? Config, bool IsPeft)
{
    private const string ConfigName = "adapter_config.json";
    private const string PeftStem = "adapter_model";

    private static readonly string[] UsualNames =
    [
        LoraFile.Name,
        $"{PeftStem}.safetensors",
        "pytorch_lora_weights.bin",
        $"{PeftStem}.bin",
    ];

    /// <summary>Finds the file that a path stands for.</summary>
    /// <param name="path">A file, or the folder that it lies in, or PEFT's configuration there.</param>
    /// <exception cref="CheckpointException">Nothing is there, or several files without a usual name.</exception>
    public static LoraLocation Find(string path)
    {
        if (Path.GetFileName(path) == ConfigName && System.IO.File.Exists(path))
        {
            path = Path.GetDirectoryName(Path.GetFullPath(path))!;
        }
        if (!Directory.Exists(path))
        {
            return Of(path);
        }
        if (InFolder(path) is { } found)
        {
            return Of(found);
        }
        // Trainers put the adapter of a checkpoint one folder further down: lora/, default/, transformer/.
        string[] below = [.. Directory.EnumerateDirectories(path).Select(InFolder).OfType<string>()];
        if (below.Length == 1)
        {
            LoadingNotices.Say($"{path} has no adapter of its own: {below[0]} is taken");
            return Of(below[0]);
        }
        throw CheckpointException.ForFile(
            path,
            below.Length == 0
                ? $"found no adapter in this folder, expected {LoraFile.Name}, {PeftStem}.safetensors with {ConfigName}, or"
                    + " one file of weights by any name"
                : $"found adapters in {string.Join(", ", below.Select(file => Path.GetRelativePath(path, file)))}: name one of them"
        );
    }

    private static LoraLocation Of(string file)
    {
        var folder = Path.GetDirectoryName(file) ?? "";
        var config = Path.Combine(folder, ConfigName);
        var isPeft = Path.GetFileName(file).StartsWith(PeftStem, StringComparison.Ordinal);
        var isOthers =
            !isPeft
            && UsualNames.Any(name =>
                name.StartsWith(PeftStem, StringComparison.Ordinal) && System.IO.File.Exists(Path.Combine(folder, name))
            );
        return new LoraLocation(file, !isOthers && System.IO.File.Exists(config) ? config : null, isPeft);
    }

    private static string? InFolder(string folder)
    {
        string[] usual = [.. UsualNames.Select(name => Path.Combine(folder, name)).Where(System.IO.File.Exists)];
        if (usual.Length > 0)
        {
            if (usual.Length > 1)
            {
                LoadingNotices.Say(
                    $"{folder} has {string.Join(" and ", usual.Select(file => Path.GetFileName(file)))}: the first is taken"
                );
            }
            return usual[0];
        }
        string[] weights =
        [
            .. Directory.EnumerateFiles(folder).Where(WeightsFile.IsNamed).Order(StringComparer.Ordinal),
        ];
        string[] safe = [.. weights.Where(file => file.EndsWith(".safetensors", StringComparison.OrdinalIgnoreCase))];
        var candidates = safe.Length > 0 ? safe : weights;
        return candidates.Length switch
        {
            0 => null,
            1 => candidates[0],
            _ => throw CheckpointException.ForFile(
                folder,
                $"found {candidates.Length} files of weights ({string.Join(", ", candidates.Select(file => Path.GetFileName(file)))})"
                    + $" and none named {LoraFile.Name}: name one of them"
            ),
        };
    }
}
