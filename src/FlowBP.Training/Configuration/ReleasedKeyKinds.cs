// The few ways in which a key of the released configurations relates to what is done here; ReleasedKeys.cs reads as a table of
// these.

using FlowBP.Settings;
using FlowBP.Surrogates;

namespace FlowBP.Training.Configuration;

/// <summary>A key before it stands in a section.</summary>
/// <param name="Type">Name and values.</param>
/// <param name="Becomes">What a value comes to.</param>
internal readonly record struct KeyKind(Setting Type, Func<string, ReleasedSections, IEnumerable<KeyOutcome>> Becomes);

/// <summary>Kinds of keys.</summary>
internal static class ReleasedKeyKinds
{
    /// <summary>The keys of a section.</summary>
    public static IEnumerable<ReleasedKey> In(string section, params IEnumerable<KeyKind> keys) =>
        keys.Select(key => new ReleasedKey(section, key.Type, key.Becomes));

    /// <summary>A key that is a setting of the run under another name, or its own.</summary>
    public static KeyKind Is(string setting, string? name = null, params string[] aliases) =>
        new(Renamed(setting, name, aliases), (text, _) => [new KeyOutcome.Sets(setting, text)]);

    /// <summary>A key that is a setting of some methods; under another method it is refused.</summary>
    public static KeyKind IsOf(string setting, string? name = null, params string[] aliases) =>
        new(
            Renamed(setting, name, aliases),
            (text, sections) =>
                Has(sections.Method, setting)
                    ? [new KeyOutcome.Sets(setting, text)]
                    : throw new InvalidSettingException(
                        $"{name ?? setting} belongs to other methods: {Owners(setting)}"
                            + $" (the method is {sections.Method.Name})"
                    )
        );

    /// <summary>A key that is a setting of some methods and means nothing to the others.</summary>
    public static KeyKind IsOrNothing(string setting, string reason) =>
        new(
            Renamed(setting, null, []),
            (text, sections) =>
                Has(sections.Method, setting)
                    ? [new KeyOutcome.Sets(setting, text)]
                    : [new KeyOutcome.Nothing($"{reason} ({sections.Method.Name})")]
        );

    /// <summary>A key whose value is a setting of ours in other words.</summary>
    public static KeyKind Converts(Setting type, string setting, Func<string, string> convert) =>
        new(type, (text, _) => [new KeyOutcome.Sets(setting, convert(text))]);

    /// <summary>A key that needs more than a line.</summary>
    public static KeyKind Becomes(Setting type, Func<string, ReleasedSections, IEnumerable<KeyOutcome>> becomes) =>
        new(type, becomes);

    /// <summary>A key that changes nothing here, by nature.</summary>
    public static KeyKind Nothing(Setting type, string reason) => new(type, (_, _) => [new KeyOutcome.Nothing(reason)]);

    /// <summary>A key of which one value is what happens here anyway; others are refused.</summary>
    public static KeyKind Only(Setting type, string accepted, string reason) => OnlyAs(type, accepted, reason, reason);

    /// <summary>The same with two reasons.</summary>
    public static KeyKind OnlyAs(Setting type, string accepted, string refused, string reason) =>
        new(
            type,
            (text, _) =>
                type.FormatValue(type.ParseValue(text)) == accepted
                    ? [new KeyOutcome.Nothing(reason)]
                    : throw new InvalidSettingException($"{type.Name} must be {accepted}, got '{text}': {refused}")
        );

    /// <summary>An integer.</summary>
    public static Setting Integer(string name, int min) => new(name, SettingKind.Integer(min));

    /// <summary>A number.</summary>
    public static Setting Number(string name, double max = double.PositiveInfinity) =>
        new(name, SettingKind.Number(0, max));

    /// <summary>True or false.</summary>
    public static Setting Flag(string name, params string[] aliases) =>
        new(name, SettingKind.Flag) { Aliases = aliases };

    /// <summary>One of a few words.</summary>
    public static Setting Word(string name, params string[] words) =>
        new(name, SettingKind.Choice([.. words.Select(word => (word, (object)word))]));

    /// <summary>Text.</summary>
    public static Setting Text(string name) => new(name, SettingKind.Text);

    /// <summary>Text that may be left empty.</summary>
    public static Setting OptionalText(string name) =>
        new(
            name,
            SettingKind.Text with
            {
                Parse = (text, out value) =>
                {
                    value = text.Length == 0 ? "none" : text;
                    return true;
                },
            }
        );

    /// <summary>The methods that have a setting, for messages.</summary>
    public static string Owners(string setting) =>
        string.Join(", ", MethodRegistry.All.Where(method => Has(method, setting)).Select(method => method.Name));

    private static bool Has(MethodDefinition method, string setting) => method.Settings.Any(own => own.Name == setting);

    private static Setting Renamed(string setting, string? name, string[] aliases) =>
        AlignmentConfig
            .Settings.Concat(MethodRegistry.All.SelectMany(method => method.Settings))
            .First(known => known.Name == setting) with
        {
            Name = name ?? setting,
            Aliases = aliases,
        };
}

/// <summary>The methods' names as released, with underscores.</summary>
internal static class ReleasedMethods
{
    /// <summary>All names.</summary>
    public static IReadOnlyList<string> Names { get; } =
    [.. MethodRegistry.All.Select(method => method.Name.Replace('-', '_'))];

    /// <summary>A name with hyphens.</summary>
    /// <param name="name">With underscores or hyphens.</param>
    public static string Ours(string name) => name.Replace('_', '-');

    /// <summary>Whether a method has the name.</summary>
    /// <param name="name">With underscores or hyphens.</param>
    public static bool IsKnown(string name) => MethodRegistry.All.Any(method => method.Name == Ours(name));
}
