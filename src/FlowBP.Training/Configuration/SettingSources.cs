// Where the settings of a run come from: preset < configuration file < --set < flags. Each value is checked where it was given, so
// that a mistake is reported with its file and line, even if something else would have overridden it.

using FlowBP.Families;
using FlowBP.Settings;
using FlowBP.Surrogates;

namespace FlowBP.Training.Configuration;

/// <summary>The sources of a run's settings.</summary>
public sealed record SettingSources
{
    // Copies have it too: what names the method is read before the flags that the method has.
    private (string File, IReadOnlyList<ConfigEntry> Entries)? read;

    /// <summary>Name of a preset; null: none.</summary>
    public string? Preset { get; init; }

    /// <summary>A configuration file, in our form or the released one; null: none.</summary>
    public string? ConfigFile { get; init; }

    /// <summary>Single values, <c>key=value</c> or <c>section.key=value</c>.</summary>
    public IReadOnlyList<string> Overrides { get; init; } = [];

    /// <summary>Flags, by the name or alias of a setting.</summary>
    public IReadOnlyList<KeyValuePair<string, string>> Flags { get; init; } = [];

    /// <summary>The name of the method that these sources ask for; null where none does.</summary>
    /// <exception cref="InvalidSettingException">A source can't be read or holds an unknown key.</exception>
    public string? MethodName => Load().MethodName?.Text;

    /// <summary>All settings that are given, each from the source that wins.</summary>
    /// <exception cref="UnknownNameException">A flag, or the method, is not known; the nearest is suggested.</exception>
    /// <exception cref="ConfigurationException">A preset, file or override holds something that is not accepted.</exception>
    /// <exception cref="InvalidSettingException">A flag's value is not accepted.</exception>
    public GivenSettings Gather()
    {
        var loaded = Load();
        var method = loaded.MethodName is { } named
            ? named.Origin.Guard(() => MethodRegistry.Get(named.Text))
            : MethodRegistry.Get(DefaultOf("method"));
        var translation = ReleasedForm.Translate(loaded.Entries.Where(entry => entry.IsSectioned), method);
        Dictionary<string, GivenValue> winners = [];
        foreach (
            var value in loaded
                .Flat.Concat(translation.Settings)
                .OrderBy(value => value.Origin.Precedence)
                .Select(value => Checked(value, method))
        )
        {
            if (winners.TryGetValue(value.Name, out var lower) && lower.Origin.Precedence == value.Origin.Precedence)
            {
                throw Twice(lower, value);
            }
            winners[value.Name] = value;
        }
        var family = ModelFamilies.Of(winners.GetValueOrDefault("model")?.Text ?? DefaultOf("model"));
        if (loaded.IsReleasedForm && Preset is null)
        {
            foreach (var assumed in Presets.ReleasedDefaults(family, method))
            {
                winners.TryAdd(assumed.Name, assumed);
            }
        }
        return new(method, family, winners, translation.WithoutEffect);
    }

    private static string DefaultOf(string setting) =>
        AlignmentConfig.Settings.First(candidate => candidate.Name == setting).DefaultText;

    private Loaded Load()
    {
        if (ConfigFile is not null && read?.File != ConfigFile)
        {
            read = (ConfigFile, YamlConfig.Read(ConfigFile));
        }
        List<ConfigEntry> entries = ConfigFile is null ? [] : [.. read!.Value.Entries];
        var isReleasedForm = entries.Any(entry => entry.IsSectioned);
        entries.AddRange(
            Overrides.Select(text =>
                YamlConfig.ParseAssignment(text, new(Precedence.Override, $"--set {text.Split('=')[0]}"))
            )
        );
        foreach (var entry in entries.Where(entry => entry.IsSectioned))
        {
            ReleasedForm.Find(entry);
        }
        return new(
            [
                .. Preset is null ? [] : Presets.Get(Preset).Values,
                .. entries
                    .Where(entry => !entry.IsSectioned)
                    .Select(entry => new GivenValue(entry.Key, entry.Text, entry.Origin, entry.IsList)),
                .. Flags.Select(flag => new GivenValue(flag.Key, flag.Value, new(Precedence.Flag, $"--{flag.Key}"))),
            ],
            entries,
            isReleasedForm
        );
    }

    // By its canonical name, if it is a setting and its text is accepted.
    private static GivenValue Checked(GivenValue value, MethodDefinition method)
    {
        var known = AlignmentConfig.Settings.Concat(method.Settings);
        var setting = known.FirstOrDefault(candidate => candidate.Answers(value.Name)) ?? throw Unknown(value, method);
        if (value.IsList && !setting.Kind.TakesList)
        {
            throw value.Origin.Refuse($"{value.Name} must be {setting.Accepts}, got a list");
        }
        value.Origin.Guard(() => setting.ParseValue(value.Text));
        return value with { Name = setting.Name, Alias = value.Name };
    }

    private static Exception Unknown(GivenValue value, MethodDefinition method)
    {
        if (ReleasedKeys.Sections.Contains(value.Name))
        {
            return value.Origin.Refuse($"{value.Name} is a section and holds keys, found '{value.Text}'");
        }
        var owners = MethodRegistry
            .All.Where(other => other.Settings.Any(setting => setting.Answers(value.Name)))
            .Select(other => other.Name)
            .ToArray();
        var problem = new UnknownNameException(
            "setting",
            value.Name,
            AlignmentConfig.Settings.Concat(method.Settings).Select(setting => setting.Name),
            $" of method {method.Name}"
        );
        return (value.Origin.Precedence, owners) switch
        {
            (Precedence.Flag, _) => problem,
            (_, { Length: > 0 }) => value.Origin.Refuse(
                $"{value.Name} belongs to other methods: {string.Join(", ", owners)} (the method is {method.Name})"
            ),
            _ => value.Origin.Refuse(problem.Message),
        };
    }

    private static Exception Twice(GivenValue first, GivenValue second)
    {
        var alias = second.Alias == second.Name ? first.Alias : second.Alias;
        var problem = $"{second.Name} is given twice (once as {alias})";
        return second.Origin.Precedence == Precedence.Flag
            ? new InvalidSettingException(problem)
            : second.Origin.Refuse($"{problem}; also {first.Origin.Place}");
    }

    // What was read, before the method is known.
    private sealed record Loaded(
        IReadOnlyList<GivenValue> Flat,
        IReadOnlyList<ConfigEntry> Entries,
        bool IsReleasedForm
    )
    {
        public GivenValue? MethodName =>
            Flat.Where(value => value.Name == "method")
                .Concat(
                    Entries
                        .Where(entry => entry.Key == ReleasedForm.MethodKey)
                        .Select(entry => new GivenValue(
                            entry.Key,
                            entry.Origin.Guard(() => ReleasedForm.MethodOf(entry)),
                            entry.Origin
                        ))
                )
                .OrderBy(value => value.Origin.Precedence)
                .LastOrDefault();
    }
}

/// <summary>The settings that were given, each from the source that won.</summary>
/// <param name="Method">The method.</param>
/// <param name="Family">The model's family; null where it can't be told.</param>
/// <param name="Values">By canonical name.</param>
/// <param name="WithoutEffect">Keys that change nothing here.</param>
public sealed record GivenSettings(
    MethodDefinition Method,
    ModelFamily? Family,
    IReadOnlyDictionary<string, GivenValue> Values,
    IReadOnlyList<WithoutEffect> WithoutEffect
);
