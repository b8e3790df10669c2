// Where a network's weights lie when only their folder or their usual name is known. The ecosystem has four layouts for the
// same thing: one safetensors file, several with an index, and both again from torch.save; each may be there as a variant (fp16,
// bf16) alone, and a file that somebody fetched by hand keeps the name it was published under. Whoever asks for
// model.safetensors means the weights, however they were cut up and whatever they are called, as long as there is one answer.

using System.Text.RegularExpressions;

namespace FlowBP.Formats;

internal static partial class CheckpointLocation
{
    private const string NetworkStem = "diffusion_pytorch_model";

    private static readonly string[] SafetensorsNames = [$"{NetworkStem}.safetensors", "model.safetensors"];

    /// <summary>The file or index that a path stands for.</summary>
    /// <param name="path">A file, an index, a folder, or a usual name in a folder that has another layout.</param>
    /// <exception cref="CheckpointException">Nothing is there, or several files and no usual name.</exception>
    public static string Find(string path)
    {
        // A file that is named is meant, whatever lies beside it.
        if (File.Exists(path))
        {
            return path;
        }
        var isFolder = Directory.Exists(path);
        var folder = isFolder ? path : Path.GetDirectoryName(path) ?? "";
        string[] wanted =
            isFolder ? [.. SafetensorsNames.Select(name => Path.Combine(path, name))]
            : IsUsual(path) ? [path]
            : [];
        if (wanted.Length == 0)
        {
            return File.Exists(path + ShardedCheckpoint.IndexSuffix)
                ? path + ShardedCheckpoint.IndexSuffix
                : throw CheckpointException.ForFile(path, "no such file");
        }
        return wanted.SelectMany(Layouts).FirstOrDefault(File.Exists) is { } found ? Said(found)
            : Directory.Exists(folder) || folder.Length == 0
                ? wanted.Select(Variant).FirstOrDefault(file => file is not null)
                    ?? OnlyOne(folder.Length == 0 ? "." : folder, wanted)
            : throw CheckpointException.ForFile(path, "no such file");
    }

    private static bool IsUsual(string path) => SafetensorsNames.Contains(Path.GetFileName(path));

    // In the order in which the field's own loaders look. diffusers asks for an index first, since saving a model again in shards
    // leaves the old file beside it; transformers asks for the one file first.
    private static IEnumerable<string> Layouts(string file)
    {
        var folder = Path.GetDirectoryName(file) ?? "";
        var isNetwork = Stem(file) == NetworkStem;
        string[] both = [file, file + ShardedCheckpoint.IndexSuffix];
        foreach (var layout in isNetwork ? both.Reverse() : both)
        {
            yield return layout;
        }
        var pickled = Path.Combine(folder, isNetwork ? $"{NetworkStem}.bin" : "pytorch_model.bin");
        yield return pickled;
        yield return pickled + ShardedCheckpoint.IndexSuffix;
    }

    private static string Said(string found)
    {
        var isIndex = found.EndsWith(ShardedCheckpoint.IndexSuffix, StringComparison.Ordinal);
        var other = isIndex ? found[..^ShardedCheckpoint.IndexSuffix.Length] : found + ShardedCheckpoint.IndexSuffix;
        if (File.Exists(other))
        {
            LoadingNotices.Say(
                $"{Path.GetDirectoryName(found)} has both {Path.GetFileName(other)} and {Path.GetFileName(found)}:"
                    + $" the {(isIndex ? "index" : "single file")} is taken, {(isIndex ? "the single file" : "the index")} is not read"
            );
        }
        return found;
    }

    // name.fp16.safetensors, or an index of its shards: name.safetensors.index.fp16.json or name.fp16.safetensors.index.json.
    private static string? Variant(string file)
    {
        var folder = Path.GetDirectoryName(file) is { Length: > 0 } given ? given : ".";
        if (!Directory.Exists(folder))
        {
            return null;
        }
        string[] stems = Stem(file) == NetworkStem ? [NetworkStem] : ["model", "pytorch_model"];
        var found = Directory
            .EnumerateFiles(folder)
            .Select(candidate => (File: candidate, Match: VariantName().Match(Path.GetFileName(candidate))))
            .Where(candidate => candidate.Match.Success && stems.Contains(candidate.Match.Groups["stem"].Value))
            // safetensors before pickles of the same variant, an index before a file.
            .OrderByDescending(candidate => candidate.Match.Groups["kind"].Value, StringComparer.Ordinal)
            .ThenBy(candidate => candidate.File.EndsWith(".json", StringComparison.Ordinal) ? 0 : 1)
            .Select(candidate => (candidate.File, Name: candidate.Match.Groups["variant"].Value))
            .ToArray();
        string[] variants = [.. found.Select(candidate => candidate.Name).Distinct(StringComparer.Ordinal)];
        if (variants.Length == 0)
        {
            return null;
        }
        if (variants.Length > 1)
        {
            throw CheckpointException.ForFile(
                folder,
                $"found no {Path.GetFileName(file)}, but the variants {string.Join(", ", variants)}: leave one of them in the folder"
            );
        }
        LoadingNotices.Say(
            $"{folder} has its weights as the variant {variants[0]} only: {Path.GetFileName(found[0].File)} is taken"
        );
        return found[0].File;
    }

    // A file that was fetched by hand: HPS_v2.1_compressed.pt, flux1-dev.safetensors.
    private static string OnlyOne(string folder, string[] wanted)
    {
        string[] all = [.. Directory.EnumerateFiles(folder).Order(StringComparer.Ordinal)];
        string[] indexes =
        [
            .. all.Where(file => file.EndsWith(ShardedCheckpoint.IndexSuffix, StringComparison.Ordinal)),
        ];
        var files = indexes.Length > 0 ? indexes : [.. all.Where(WeightsFile.IsNamed)];
        var names = string.Join(" or ", wanted.Select(file => Path.GetFileName(file)));
        if (files.Length == 1)
        {
            LoadingNotices.Say(
                $"{folder} has no {names}: {Path.GetFileName(files[0])}, its only file of weights, is taken"
            );
            return files[0];
        }
        throw CheckpointException.ForFile(
            wanted.Length == 1 ? wanted[0] : folder,
            files.Length == 0
                ? wanted.Length == 1
                    ? "no such file, nor any other weights in this folder"
                    : $"found no weights, expected {names} (or an index, or a .bin) in this folder"
                : $"no such file; this folder has {string.Join(", ", files.Select(file => Path.GetFileName(file)))}:"
                    + $" leave one of them, or name it {names}"
        );
    }

    private static string Stem(string file) => Path.GetFileNameWithoutExtension(file);

    [GeneratedRegex(
        @"^(?<stem>diffusion_pytorch_model|model|pytorch_model)\.(?:(?<kind>bin|safetensors)\.index\.(?<variant>[A-Za-z0-9_]+)\.json|(?<variant>[A-Za-z0-9_]+)\.(?<kind>bin|safetensors)(?:\.index\.json)?)$"
    )]
    private static partial Regex VariantName();
}
