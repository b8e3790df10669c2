// The values of a method's settings, resolved: what was given, and the defaults of the rest.

namespace FlowBP.Settings;

/// <summary>Values of the settings of one method.</summary>
public sealed class SettingValues
{
    private readonly Dictionary<string, object?> values = [];
    private readonly HashSet<string> given = [];

    /// <summary>Resolves texts, by name or alias, against the settings of a method.</summary>
    /// <param name="method">The method's name, for messages.</param>
    /// <param name="settings">Its settings.</param>
    /// <param name="texts">What was given.</param>
    /// <exception cref="UnknownNameException">A name is no setting of the method.</exception>
    /// <exception cref="InvalidSettingException">A value is not accepted, or one setting is given twice.</exception>
    public SettingValues(
        string method,
        IReadOnlyList<Setting> settings,
        IEnumerable<KeyValuePair<string, string>> texts
    )
    {
        Settings = settings;
        foreach (var (name, text) in texts)
        {
            var setting =
                settings.FirstOrDefault(candidate => candidate.Answers(name))
                ?? throw new UnknownNameException(
                    "setting",
                    name,
                    settings.Select(candidate => candidate.Name),
                    $" of method {method}"
                );
            if (!given.Add(setting.Name))
            {
                throw new InvalidSettingException($"{setting.Name} is given twice (once as {name})");
            }
            values[setting.Name] = setting.ParseValue(text);
        }
    }

    /// <summary>The settings, in the order in which they are shown.</summary>
    public IReadOnlyList<Setting> Settings { get; }

    /// <summary>The value of a setting; its default *in this method* if none was given.</summary>
    public T Get<T>(Setting<T> setting)
    {
        if (values.TryGetValue(setting.Name, out var value))
        {
            return (T)value!;
        }
        return Settings.OfType<Setting<T>>().First(candidate => candidate.Name == setting.Name).Default;
    }

    /// <summary>Whether a value was given.</summary>
    public bool IsGiven(Setting setting) => given.Contains(setting.Name);

    /// <summary>Everything resolved, by canonical name, as it would be typed: what config.yaml records.</summary>
    public IEnumerable<KeyValuePair<string, string>> Resolved() =>
        Settings.Select(setting =>
            KeyValuePair.Create(
                setting.Name,
                values.TryGetValue(setting.Name, out var value) ? setting.FormatValue(value) : setting.DefaultText
            )
        );
}
