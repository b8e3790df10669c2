// The options of `align` that are not settings themselves but say where settings come from, or that nothing shall be run.

using FlowBP.Settings;
using FlowBP.Training.Configuration;

namespace FlowBP.Cli.Commands;

/// <summary>Options about configurations.</summary>
internal sealed record ConfigurationOptions
{
    private static readonly SettingTable<ConfigurationOptions> s_table = new(new());

    /// <summary>A configuration file; null: none.</summary>
    [Setting("YAML file of settings: a run's config.yaml, or a released FlowBP configuration")]
    public string? Config { get; init; }

    /// <summary>A preset; null: none.</summary>
    [Setting("settings of a published experiment, such as released/sd35/flowbp-sparse")]
    public string? Preset { get; init; }

    /// <summary>Single values, of which the record holds none.</summary>
    [Setting("one setting, as key=value or section.key=value; may be given again", Repeats = true)]
    public string? Set { get; init; }

    /// <summary>Only checks.</summary>
    [Setting(
        "resolve, check and print everything without loading or computing anything",
        Name = "dry-run",
        Aliases = ["dry_run"]
    )]
    public bool DryRun { get; init; }

    /// <summary>Only lists.</summary>
    [Setting("list the presets", Name = "list-presets", Aliases = ["list_presets"])]
    public bool ListPresets { get; init; }

    /// <summary>All, in the order of the help.</summary>
    public static IReadOnlyList<Setting> All => s_table.Settings;

    /// <summary>Those that say where settings come from.</summary>
    public static IReadOnlyList<Setting> Sources { get; } = [.. All.Where(setting => !setting.Kind.IsFlag)];

    /// <summary>The options that a call names.</summary>
    /// <param name="given">Options by canonical name.</param>
    /// <exception cref="InvalidSettingException">A value is not accepted.</exception>
    public static ConfigurationOptions Of(IReadOnlyList<KeyValuePair<string, string>> given) =>
        s_table.Bind("align", given.Where(pair => pair.Key != "set" && IsOne(pair)));

    /// <summary>The sources that a call names; its other options are flags.</summary>
    /// <param name="given">Options by canonical name.</param>
    /// <exception cref="InvalidSettingException">A value is not accepted.</exception>
    public static SettingSources SourcesOf(IReadOnlyList<KeyValuePair<string, string>> given)
    {
        var options = Of(given);
        return new()
        {
            ConfigFile = options.Config,
            Preset = options.Preset,
            Overrides = [.. given.Where(pair => pair.Key == "set").Select(pair => pair.Value)],
            Flags = FlagsOf(given),
        };
    }

    /// <summary>The options that are settings of a run.</summary>
    /// <param name="given">Options by canonical name.</param>
    public static IReadOnlyList<KeyValuePair<string, string>> FlagsOf(
        IReadOnlyList<KeyValuePair<string, string>> given
    ) => [.. given.Where(pair => !IsOne(pair))];

    private static bool IsOne(KeyValuePair<string, string> pair) => All.Any(setting => setting.Name == pair.Key);
}
