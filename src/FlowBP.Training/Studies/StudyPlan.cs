// A study, resolved: every arm is a run of `align` whose settings are known and checked before anything is computed. All arms are
// measured alike, on the same prompts from the same noise, so what an arm may not change is refused by name.

using FlowBP.Settings;
using FlowBP.Training.Configuration;

namespace FlowBP.Training.Studies;

/// <summary>One training, or the model that is not trained.</summary>
/// <param name="Arm">Name of the arm.</param>
/// <param name="Seed">Seed of the training; null: the base model.</param>
public sealed record StudyCell(string Arm, long? Seed)
{
    /// <summary>For people, and as a file's name.</summary>
    public string Name => Seed is { } seed ? $"{Arm}-seed-{seed}" : Arm;
}

/// <summary>What is run.</summary>
public sealed class StudyPlan
{
    // One thread each: whoever has more cores runs more cells at once, and gets the same numbers.
    private static readonly (string Key, string Text)[] s_fixed = [("cpu_workers", "1")];

    // As in the demo: latents of the embedded model are small, and rounding them tells versions of libtorch apart.
    private static readonly (string Key, string Text)[] s_defaults = [("latent_dtype", "float32")];

    private static readonly string[] s_ofStudy =
    [
        "seed",
        "sampler_seed",
        "select_idx_seed",
        "eval_seed",
        "cpu_workers",
        "device",
        "output_dir",
        "overwrite",
        "evaluation_interval",
        "sample_interval",
        "checkpointing_steps",
        "checkpoints_total_limit",
        "resume_from_checkpoint",
        "nonfinite",
        "lora_weights",
        "lora_rank",
    ];

    private static readonly string[] s_ofMeasure =
    [
        "model",
        "transformer",
        "strength",
        "strength_base",
        "prompt_embeds",
        "max_sequence_length",
        "height",
        "width",
        "compute_dtype",
        "reward_dtype",
        "cfg_guidance",
        "eval_guidance_scale",
        "sampling_steps",
        "prompts",
        "caption_key",
        "reward",
        "heldout_reward",
        "eval_prompts",
        "eval_prompts_limit",
        "eval_images_per_prompt",
        "eval_batch_size",
        "select_prompts",
    ];

    /// <summary>Resolves a study.</summary>
    /// <param name="settings">What is asked for.</param>
    /// <exception cref="UnknownNameException">There is no such study, arm or setting; the nearest is suggested.</exception>
    /// <exception cref="InvalidSettingException">A setting is not accepted, or is the study's own.</exception>
    /// <exception cref="FileNotFoundException">There is no such file.</exception>
    public StudyPlan(StudySettings settings)
    {
        Settings = settings;
        Definition = StudyLibrary.Get(settings.Name, settings.Quick, settings.Overrides);
        Measure = Definition.Measure;
        Base = Resolve([], 0, "");
        var chosen = settings.Arms.FirstOrDefault(name => Definition.Arms.All(arm => arm.Name != name)) is { } unknown
            ? throw new UnknownNameException(
                "arm",
                unknown,
                Definition.Arms.Select(arm => arm.Name),
                $" of study {Definition.Name}"
            )
            : Definition.Arms.Where(arm => settings.Arms.Count == 0 || settings.Arms.Contains(arm.Name));
        Arms = [.. chosen];
        Seeds = settings.Seeds.Count == 0 ? Measure.TrainingSeeds : StudyMeasure.Numbers("seeds", settings.Seeds, 0);
        if (Seeds.Count == 0 || Measure.NoiseSeeds.Count == 0)
        {
            throw new ConfigurationException($"study {Definition.Name} needs a training seed and an evaluation seed");
        }
        if (Measure.CurveSteps.FirstOrDefault(step => step >= Base.MaxTrainSteps) is > 0 and var late)
        {
            throw new ConfigurationException(
                $"curve names step {late}, and a training has {Base.MaxTrainSteps}; its last step is always evaluated"
            );
        }
        Cells =
        [
            new(StudyDefinition.BaseArm, null),
            // Seed by seed: a study that is stopped early has something to compare.
            .. Seeds.SelectMany(seed => Arms.Select(arm => new StudyCell(arm.Name, seed))),
        ];
        // All of them, so that a mistake in the last is known before the first is trained.
        foreach (var arm in Definition.Arms)
        {
            Config(arm, Seeds[0]);
        }
    }

    /// <summary>What was asked for.</summary>
    public StudySettings Settings { get; }

    /// <summary>The study.</summary>
    public StudyDefinition Definition { get; }

    /// <summary>How it measures.</summary>
    public StudyMeasure Measure { get; }

    /// <summary>The arms that are run.</summary>
    public IReadOnlyList<StudyArm> Arms { get; }

    /// <summary>Training seeds.</summary>
    public IReadOnlyList<long> Seeds { get; }

    /// <summary>What is computed, in order.</summary>
    public IReadOnlyList<StudyCell> Cells { get; }

    /// <summary>Settings that all arms have: those by which they are measured.</summary>
    public AlignmentConfig Base { get; }

    /// <summary>Where the study is kept.</summary>
    public string Folder =>
        Settings.OutputDir ?? $"outputs/study-{Definition.Name}{(Definition.IsQuick ? "-quick" : "")}";

    /// <summary>The run of an arm.</summary>
    /// <param name="arm">The arm.</param>
    /// <param name="seed">Seed of the training.</param>
    /// <exception cref="InvalidSettingException">A setting is not accepted, or is the study's own.</exception>
    public AlignmentConfig Config(StudyArm arm, long seed)
    {
        if (arm.Settings.FirstOrDefault(pair => s_ofMeasure.Contains(pair.Key)) is { Key: not null } measured)
        {
            throw new ConfigurationException(
                $"study {Definition.Name}, arm {arm.Name}: {measured.Key} belongs to the settings of the study, since all arms are measured alike"
            );
        }
        return Resolve(arm.Settings, seed, $", arm {arm.Name}");
    }

    /// <summary>An arm by name.</summary>
    /// <param name="name">Its name.</param>
    public StudyArm Arm(string name) => Definition.Arms.First(arm => arm.Name == name);

    private AlignmentConfig Resolve(IReadOnlyList<KeyValuePair<string, string>> own, long seed, string where)
    {
        var given = Definition.Settings.ToDictionary();
        foreach (var (key, text) in own)
        {
            given[key] = text;
        }
        if (given.Keys.FirstOrDefault(s_ofStudy.Contains) is { } taken)
        {
            throw new ConfigurationException(
                $"study {Definition.Name}{where}: {taken} can't be set here: a study says itself which seeds, threads and files there are"
            );
        }
        foreach (var (key, text) in s_defaults)
        {
            given.TryAdd(key, text);
        }
        foreach (var (key, text) in s_fixed)
        {
            given[key] = text;
        }
        given["seed"] = FormattableString.Invariant($"{seed}");
        given["device"] = Settings.Device;
        try
        {
            return AlignmentConfig.Resolve(given);
        }
        catch (InvalidSettingException e)
        {
            throw new ConfigurationException($"study {Definition.Name}{where}: {e.Message}");
        }
    }
}
