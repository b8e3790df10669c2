// A study as its file has it: settings that all arms have in common, arms that differ in a few, and how they are measured. Settings
// have the names of `flowbp align`, and its defaults.

using System.Globalization;
using FlowBP.Settings;
using FlowBP.Training.Configuration;

namespace FlowBP.Training.Studies;

/// <summary>What is compared: a training, by the settings in which it differs.</summary>
/// <param name="Name">Its name.</param>
/// <param name="Settings">Names and texts of its own settings.</param>
/// <param name="Against">Arms that it is compared with, besides the base model.</param>
/// <param name="Line">What its number is of, such as <c>alpha</c>; null: it has none.</param>
/// <param name="At">Its number; null: it has none.</param>
public sealed record StudyArm(
    string Name,
    IReadOnlyList<KeyValuePair<string, string>> Settings,
    IReadOnlyList<string> Against,
    string? Line,
    double? At
);

/// <summary>A study.</summary>
/// <param name="Name">Its name.</param>
/// <param name="IsQuick">Whether it is the shortened form.</param>
/// <param name="Measure">How its arms are measured.</param>
/// <param name="Settings">Names and texts of the settings that all arms have.</param>
/// <param name="Arms">What is compared, without the base model, which every study has.</param>
public sealed record StudyDefinition(
    string Name,
    bool IsQuick,
    StudyMeasure Measure,
    IReadOnlyList<KeyValuePair<string, string>> Settings,
    IReadOnlyList<StudyArm> Arms
)
{
    /// <summary>Name of the arm that is not trained.</summary>
    public const string BaseArm = "base";

    private const string SettingsSection = "settings";
    private const string QuickSection = "quick";
    private const string ArmsSection = "arms";

    private static readonly string[] s_ofArm = ["against", "line", "at"];
    private static readonly string[] s_ofMeasure = [.. StudyMeasure.Table.Settings.Select(setting => setting.Name)];

    /// <summary>Reads a study.</summary>
    /// <param name="entries">The file's entries.</param>
    /// <param name="name">The study's name.</param>
    /// <param name="quick">Whether the section quick holds.</param>
    /// <param name="overrides">Settings over those of the file, as <c>key=value</c>.</param>
    /// <exception cref="InvalidSettingException">A key is not known, or a value is not accepted; the place is named.</exception>
    public static StudyDefinition Of(
        IReadOnlyList<ConfigEntry> entries,
        string name,
        bool quick,
        IReadOnlyList<string> overrides
    )
    {
        Dictionary<string, string> measure = [];
        Dictionary<string, string> settings = [];
        Dictionary<string, Dictionary<string, string>> arms = [];
        foreach (var entry in entries.OrderBy(entry => entry.Path[0] == QuickSection ? 1 : 0))
        {
            switch (entry.Path)
            {
                case [var key] when s_ofMeasure.Contains(key):
                    measure[key] = entry.Text;
                    break;
                case [SettingsSection, var key]:
                    settings[key] = entry.Text;
                    break;
                case [QuickSection, var key]:
                    if (quick)
                    {
                        (s_ofMeasure.Contains(key) ? measure : settings)[key] = entry.Text;
                    }
                    break;
                case [ArmsSection, var arm]:
                    // An arm that has nothing of its own.
                    arms[arm] = entry.Text.Length == 0 ? [] : throw NoArm(entry);
                    break;
                case [ArmsSection, var arm, var key]:
                    if (!arms.TryGetValue(arm, out var own))
                    {
                        arms[arm] = own = [];
                    }
                    own[key] = entry.Text;
                    break;
                default:
                    throw entry.Origin.Refuse(
                        new UnknownNameException(
                            "key",
                            entry.Key,
                            [.. s_ofMeasure, SettingsSection, QuickSection, ArmsSection],
                            " of a study"
                        ).Message
                    );
            }
        }
        foreach (var text in overrides)
        {
            var given = YamlConfig.ParseAssignment(text, new(Precedence.Override, $"--set {text.Split('=')[0]}"));
            settings[given.Key] = given.Text;
        }
        if (arms.Count == 0)
        {
            throw new ConfigurationException($"study {name} names no arms");
        }
        return new(
            name,
            quick,
            StudyMeasure.Table.Bind($"study {name}", measure),
            [.. settings],
            [.. arms.Select(arm => Arm(arm.Key, arm.Value, [.. arms.Keys]))]
        );
    }

    private static StudyArm Arm(string name, Dictionary<string, string> own, string[] arms)
    {
        var against = SettingKind.List.Parse(own.GetValueOrDefault("against", "none"), out var list)
            ? (IReadOnlyList<string>)list!
            : throw new ConfigurationException($"arm {name}: against must be {SettingKind.List.Accepts}");
        if (against.FirstOrDefault(other => !arms.Contains(other) || other == name) is { } missing)
        {
            throw new ConfigurationException(
                $"arm {name}: {new UnknownNameException("arm", missing, arms.Where(arm => arm != name)).Message}"
            );
        }
        if (name == BaseArm || name.Any(letter => !char.IsAsciiLetterOrDigit(letter) && letter is not ('-' or '.')))
        {
            throw new ConfigurationException(
                $"arm '{name}': an arm is named by letters, digits, points and hyphens, and {BaseArm} is the model that is not trained"
            );
        }
        double? at =
            own.GetValueOrDefault("at") is not { } text ? null
            : double.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out var number) ? number
            : throw new ConfigurationException($"arm {name}: at must be a number, got '{text}'");
        if (at is null != own.GetValueOrDefault("line") is null)
        {
            throw new ConfigurationException($"arm {name}: line and at are given together or not at all");
        }
        return new(
            name,
            [.. own.Where(pair => !s_ofArm.Contains(pair.Key))],
            against,
            own.GetValueOrDefault("line"),
            at
        );
    }

    private static ConfigurationException NoArm(ConfigEntry entry) =>
        entry.Origin.Refuse($"arm {entry.Path[1]} is a mapping of settings, found '{entry.Text}'");
}
