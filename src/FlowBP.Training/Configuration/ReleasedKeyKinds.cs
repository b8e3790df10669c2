// The few ways in which a key of the released configurations relates to what is done here; ReleasedKeys.cs reads as a table of
// these.

using FlowBP.Settings;
using FlowBP.Surrogates;
using static FlowBP.Settings.SettingOf;

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
    public static KeyKind Is(Setting setting, string name, params string[] aliases) =>
        new(Renamed(setting, name, aliases), (text, _) => [new KeyOutcome.Sets(setting, text)]);

    /// <summary>A key that is a setting of some methods; under another method it is refused.</summary>
    public static KeyKind IsOf(Setting setting, string? name = null, params string[] aliases) =>
        new(
            Renamed(setting, name ?? setting.Name, aliases),
            (text, sections) =>
                Has(sections.Method, setting)
                    ? [new KeyOutcome.Sets(setting, text)]
                    : throw new InvalidSettingException(
                        $"{name ?? setting.Name} belongs to other methods: {Owners(setting)}"
                            + $" (the method is {sections.Method.Name})"
                    )
        );

    /// <summary>A key that is a setting of some methods and means nothing to the others.</summary>
    public static KeyKind IsOrNothing(Setting setting, string reason) =>
        new(
            Renamed(setting, setting.Name, []),
            (text, sections) =>
                Has(sections.Method, setting)
                    ? [new KeyOutcome.Sets(setting, text)]
                    : [new KeyOutcome.Nothing($"{reason} ({sections.Method.Name})")]
        );

    /// <summary>A key whose value is a setting of ours in other words.</summary>
    public static KeyKind Converts(Setting type, Func<string, (Setting Setting, string Text)> convert) =>
        new(
            type,
            (text, _) =>
            {
                var (setting, converted) = convert(text);
                return [new KeyOutcome.Sets(setting, converted)];
            }
        );

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

    /// <summary>Text that may be left empty.</summary>
    public static Setting<string> OptionalText(string name, string help) =>
        Text(name, "none", help) with
        {
            Parse = (text, out parsed) =>
            {
                parsed = text.Length == 0 ? "none" : text;
                return true;
            },
        };

    /// <summary>The methods that have a setting, for messages.</summary>
    public static string Owners(Setting setting) =>
        string.Join(", ", MethodRegistry.All.Where(method => Has(method, setting)).Select(method => method.Name));

    private static bool Has(MethodDefinition method, Setting setting) =>
        method.Settings.Any(own => own.Name == setting.Name);

    private static Setting Renamed(Setting setting, string name, string[] aliases) =>
        setting with
        {
            Name = name,
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
