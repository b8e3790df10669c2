// The options of `align` that are not settings themselves but say where settings come from, or that nothing shall be run.

using FlowBP.Settings;
using FlowBP.Training.Configuration;
using static FlowBP.Settings.SettingOf;

namespace FlowBP.Cli.Commands;

/// <summary>Options about configurations.</summary>
internal static class ConfigurationOptions
{
    private const string None = "none";

    /// <summary>A configuration file.</summary>
    public static Setting<string> Config { get; } =
        Text("config", None, "YAML file of settings: a run's config.yaml, or a released FlowBP configuration");

    /// <summary>A preset.</summary>
    public static Setting<string> Preset { get; } =
        Text("preset", None, "settings of a published experiment, such as released/sd35/flowbp-sparse");

    /// <summary>Single values.</summary>
    public static Setting<string> Set { get; } =
        Text("set", None, "one setting, as key=value or section.key=value; may be given again") with
        {
            Repeats = true,
        };

    /// <summary>Only checks.</summary>
    public static Setting<bool> DryRun { get; } =
        Flag("dry-run", false, "resolve, check and print everything without loading or computing anything", "dry_run");

    /// <summary>Only lists.</summary>
    public static Setting<bool> ListPresets { get; } = Flag("list-presets", false, "list the presets", "list_presets");

    /// <summary>All, in the order of the help.</summary>
    public static IReadOnlyList<Setting> All { get; } = [Config, Preset, Set, DryRun, ListPresets];

    /// <summary>The sources that a call names; its other options are flags.</summary>
    /// <param name="given">Options by canonical name.</param>
    public static SettingSources SourcesOf(IReadOnlyList<KeyValuePair<string, string>> given)
    {
        string? Last(Setting<string> setting) =>
            given.LastOrDefault(pair => pair.Key == setting.Name).Value is { } text && text != None ? text : null;

        return new()
        {
            ConfigFile = Last(Config),
            Preset = Last(Preset),
            Overrides = [.. given.Where(pair => pair.Key == Set.Name).Select(pair => pair.Value)],
            Flags = [.. given.Where(pair => All.All(setting => setting.Name != pair.Key))],
        };
    }
}
