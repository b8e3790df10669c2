// The files of a reward. Rewards are distributed in three ways: as a folder of ours, with tokenizer/ in it; as a repository of
// transformers, where the tokenizer's files lie beside config.json (PickScore); and as one file of weights of a network that
// everybody knows (HPSv2), beside which a tokenizer must be put.

using FlowBP.Formats;
using FlowBP.Models.Tokenizers;

namespace FlowBP.Training.Rewards;

/// <summary>Where the parts of a reward lie.</summary>
internal sealed record RewardFiles
{
    // Published with CLIP, and with open_clip under the same name.
    private static readonly string[] MergesNames = ["bpe_simple_vocab_16e6.txt.gz", "bpe_simple_vocab_16e6.txt"];

    /// <summary>The folder.</summary>
    public required string Folder { get; init; }

    /// <summary>The folder's or the file's name, for reports.</summary>
    public required string Name { get; init; }

    /// <summary>A file of weights, or the folder that they are looked for in.</summary>
    public required string Weights { get; init; }

    /// <summary>The configuration; null: none, and the weights are those of an open_clip model.</summary>
    public ConfigReader? Config { get; init; }

    /// <summary>Finds the files of a reward.</summary>
    /// <param name="path">A folder, or a file of weights in it.</param>
    /// <exception cref="CheckpointException">There is no configuration, and the weights don't speak for themselves.</exception>
    public static RewardFiles Find(string path)
    {
        var full = Path.TrimEndingDirectorySeparator(Path.GetFullPath(path));
        var isFile = File.Exists(path);
        var folder = isFile ? Path.GetDirectoryName(full)! : path;
        return new()
        {
            Folder = folder,
            Name = isFile ? Path.GetFileNameWithoutExtension(full) : Path.GetFileName(full),
            Weights = isFile ? path : folder,
            Config = ConfigIn(folder, isFile ? path : folder),
        };
    }

    /// <summary>The tokenizer: of its own folder, or of files beside the configuration.</summary>
    /// <param name="isOpenClip">Whether the merges that CLIP was published with are read as open_clip reads them.</param>
    /// <exception cref="CheckpointException">There is none.</exception>
    public ClipTokenizer Tokenizer(bool isOpenClip)
    {
        var own = Path.Combine(Folder, "tokenizer");
        if (Directory.Exists(own))
        {
            return ClipTokenizer.FromFolder(own);
        }
        if (new[] { "vocab.json", "tokenizer.json" }.Any(name => File.Exists(Path.Combine(Folder, name))))
        {
            return ClipTokenizer.FromFolder(Folder);
        }
        return MergesNames.Select(name => Path.Combine(Folder, name)).FirstOrDefault(File.Exists) is { } merges
            ? isOpenClip
                ? ClipTokenizer.OpenClipFromMerges(merges)
                : ClipTokenizer.TransformersFromMerges(merges)
            : throw CheckpointException.ForFile(
                Folder,
                "found no tokenizer, expected tokenizer/, or vocab.json with merges.txt, or tokenizer.json, or"
                    + $" {MergesNames[0]} of CLIP, in this folder"
            );
    }

    private static ConfigReader? ConfigIn(string folder, string weights)
    {
        var file = Path.Combine(folder, "config.json");
        if (File.Exists(file))
        {
            return ConfigReader.Open(file);
        }
        var openClip = Path.Combine(folder, "open_clip_config.json");
        if (File.Exists(openClip) && ConfigReader.Open(openClip).Section("model_cfg") is { } model)
        {
            return model;
        }
        if (Path.Exists(weights) && IsOpenClip(weights))
        {
            LoadingNotices.Say(
                $"{folder} has no config.json: {Path.GetFileName(weights)} is read as HPSv2 (open_clip's ViT-H-14)"
            );
            return null;
        }
        throw CheckpointException.ForFile(file, "no such file");
    }

    private static bool IsOpenClip(string weights)
    {
        try
        {
            using var source = Checkpoint.Open(weights);
            return source.Tensors.ContainsKey("visual.conv1.weight")
                && source.Tensors.ContainsKey("token_embedding.weight");
        }
        catch (CheckpointException) when (Directory.Exists(weights))
        {
            // A folder without weights lacks its configuration first.
            return false;
        }
    }
}
