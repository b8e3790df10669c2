// What makes two studies the same: every resolved setting of every arm, and what lies in the folders that they name. Seeds and the
// choice of arms are no part of it: a study may be gone on with, and grow.

using System.Security.Cryptography;
using System.Text;
using FlowBP.Training.Configuration;

namespace FlowBP.Training.Studies;

/// <summary>The identity of a study, by name and text.</summary>
/// <param name="Study">The study's name.</param>
/// <param name="Texts">Everything that its figures depend on.</param>
internal sealed record StudyIdentity(string Study, IReadOnlyDictionary<string, string> Texts)
{
    // Where it is written and which of it is run, and what no cell has.
    private static readonly string[] s_without =
    [
        "seed",
        "output_dir",
        "overwrite",
        "device",
        "checkpoints_total_limit",
        "resume_from_checkpoint",
        "nonfinite",
    ];

    /// <summary>The identity of a study.</summary>
    /// <param name="plan">The study.</param>
    /// <param name="device">Where it computes: another kind of device has other last bits.</param>
    /// <exception cref="IOException">A file can't be read.</exception>
    public static StudyIdentity Of(StudyPlan plan, string device)
    {
        var config = plan.Base;
        SortedDictionary<string, string> texts = new(StringComparer.Ordinal)
        {
            ["device"] = device,
            ["evaluation_seeds"] = string.Join(',', plan.Measure.NoiseSeeds),
            ["curve"] = string.Join(',', plan.Measure.CurveSteps),
            ["leap_errors"] = $"{plan.Measure.LeapErrors}",
            ["content of model"] = Content(config.Model.Folder),
            ["content of prompts"] = Content(config.Prompts),
            ["content of eval_prompts"] = Text(string.Join('\n', config.Judges.Prompts(config.Model.CaptionKey))),
        };
        foreach (var (i, reward) in config.Judges.Rewards.Index())
        {
            texts[$"content of reward {i + 1}"] = Content(reward.Folder);
        }
        if (config.Judges.HeldOutRewardFolder is { } heldOut)
        {
            texts["content of heldout_reward"] = Content(heldOut);
        }
        Add("settings", config);
        foreach (var arm in plan.Definition.Arms)
        {
            Add($"arm {arm.Name}", plan.Config(arm, 0));
        }
        return new(plan.Definition.Name, texts);

        void Add(string of, AlignmentConfig resolved)
        {
            foreach (var (name, text) in resolved.Resolved().Where(pair => !s_without.Contains(pair.Key)))
            {
                texts[$"{of}: {name}"] = text;
            }
        }
    }

    /// <summary>What differs first, as a sentence; null: nothing does.</summary>
    /// <param name="other">What was found in a folder.</param>
    public string? Difference(StudyIdentity other)
    {
        if (Study != other.Study)
        {
            return $"it holds study {other.Study}, not {Study}";
        }
        var key = Texts
            .Keys.Union(other.Texts.Keys)
            .FirstOrDefault(name => Texts.GetValueOrDefault(name) != other.Texts.GetValueOrDefault(name));
        return key is null
            ? null
            : $"{key} was {other.Texts.GetValueOrDefault(key) ?? "not there"} and is {Texts.GetValueOrDefault(key) ?? "not there"}";
    }

    private static string Text(string text) => Short(SHA256.HashData(Encoding.UTF8.GetBytes(text)));

    // A file, or all files of a folder with their names.
    private static string Content(string path)
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        string[] files = File.Exists(path)
            ? [path]
            : [.. Directory.EnumerateFiles(path, "*", SearchOption.AllDirectories).Order(StringComparer.Ordinal)];
        foreach (var file in files)
        {
            hash.AppendData(Encoding.UTF8.GetBytes(Path.GetRelativePath(path, file)));
            using var stream = File.OpenRead(file);
            hash.AppendData(SHA256.HashData(stream));
        }
        return Short(hash.GetHashAndReset());
    }

    private static string Short(byte[] hash) => Convert.ToHexStringLower(hash)[..16];
}
