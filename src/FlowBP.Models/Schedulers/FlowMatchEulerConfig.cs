// scheduler/scheduler_config.json of flow-matching models. This is the file; the noise levels themselves are computed by
// the schedule that a training run or a sampler builds from it.

using FlowBP.Formats;

namespace FlowBP.Models.Schedulers;

/// <summary>Settings of the flow-matching Euler scheduler, with the meaning of diffusers' scheduler_config.json.</summary>
public sealed record FlowMatchEulerConfig
{
    /// <summary>Name of the scheduler's class in the ecosystem.</summary>
    public const string ClassName = "FlowMatchEulerDiscreteScheduler";

    /// <summary>A timestep is sigma times this.</summary>
    public int NumTrainTimesteps { get; init; } = 1000;

    /// <summary>Static shift: <c>σ' = shift·σ / (1 + (shift − 1)·σ)</c>.</summary>
    public double Shift { get; init; } = 1;

    /// <summary>Whether the shift depends on the number of image tokens instead.</summary>
    public bool UseDynamicShifting { get; init; }

    /// <summary>Dynamic shift at <see cref="BaseImageSeqLen"/> tokens.</summary>
    public double BaseShift { get; init; } = 0.5;

    /// <summary>Dynamic shift at <see cref="MaxImageSeqLen"/> tokens.</summary>
    public double MaxShift { get; init; } = 1.15;

    /// <summary>Image tokens at which <see cref="BaseShift"/> holds.</summary>
    public int BaseImageSeqLen { get; init; } = 256;

    /// <summary>Image tokens at which <see cref="MaxShift"/> holds.</summary>
    public int MaxImageSeqLen { get; init; } = 4096;

    private static readonly string[] DynamicKeys =
    [
        "base_shift",
        "max_shift",
        "base_image_seq_len",
        "max_image_seq_len",
    ];

    /// <summary>Reads a scheduler_config.json.</summary>
    /// <exception cref="CheckpointException">A key is unknown, ill-typed or asks for what is not implemented.</exception>
    public static FlowMatchEulerConfig Read(string file)
    {
        var json = ConfigReader.Open(file);
        // Others (Heun) take other steps through the same levels.
        json.RequireClass(ClassName);
        var config = json.Fill(new FlowMatchEulerConfig());
        json.Require("invert_sigmas", "false");
        json.Require("shift_terminal", "null");
        json.Require("stochastic_sampling", "false");
        json.Require("time_shift_type", "\"exponential\"");
        json.Require("use_beta_sigmas", "false");
        json.Require("use_exponential_sigmas", "false");
        json.Require("use_karras_sigmas", "false");
        json.RefuseUnknown();
        config.Check(file);
        var needed = config.UseDynamicShifting ? DynamicKeys : ["shift"];
        if (Array.Find(needed, key => json.Contains(key) && !json.Has(key)) is { } empty)
        {
            throw CheckpointException.ForFile(
                file,
                $"key '{empty}': found null, expected a number: the shift is made of it"
            );
        }
        return config;
    }

    /// <summary>The content of a scheduler_config.json that <see cref="Read"/> and diffusers understand.</summary>
    public string ToJson() => ConfigRecord.ToJsonObject(this, ("_class_name", ClassName)).ToConfigText();

    private void Check(string file)
    {
        if (!(Shift > 0) || NumTrainTimesteps <= 0)
        {
            throw CheckpointException.ForFile(file, "found a shift or num_train_timesteps of 0 or less, expected more");
        }
        if (UseDynamicShifting && (BaseImageSeqLen < 1 || MaxImageSeqLen <= BaseImageSeqLen))
        {
            throw CheckpointException.ForFile(
                file,
                $"keys 'base_image_seq_len' and 'max_image_seq_len': found {BaseImageSeqLen} and {MaxImageSeqLen}, expected two"
                    + " ascending lengths: with use_dynamic_shifting the shift is a line between them"
            );
        }
    }
}
