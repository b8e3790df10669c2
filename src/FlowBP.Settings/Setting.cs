// A setting describes itself: name, type, default, help, range. The command line builds its flags from these, config.yaml
// its keys, and a value is checked in one place wherever it came from.

using System.Globalization;
using System.Numerics;

namespace FlowBP.Settings;

/// <summary>A setting of a method, without its type.</summary>
public abstract record Setting
{
    /// <summary>Name of the flag and of the key, <c>snake_case</c>.</summary>
    public required string Name { get; init; }

    /// <summary>Other names that mean the same, such as the reference's own.</summary>
    public IReadOnlyList<string> Aliases { get; init; } = [];

    /// <summary>One line for the user.</summary>
    public required string Help { get; init; }

    /// <summary>What is accepted, in words: <c>integer ≥ 1</c>, <c>start | midpoint | all</c>.</summary>
    public required string Accepts { get; init; }

    /// <summary>The words among what is accepted, for suggestions; empty for numbers and free text.</summary>
    public IReadOnlyList<string> Words { get; init; } = [];

    /// <summary>Whether its value is a list.</summary>
    public bool TakesList { get; init; }

    /// <summary>Whether it may be given several times, each adding to the ones before.</summary>
    public bool Repeats { get; init; }

    /// <summary>The default, as it would be typed.</summary>
    public abstract string DefaultText { get; }

    /// <summary>Whether a name is this setting's or one of its aliases.</summary>
    public bool Answers(string name) => Name == name || Aliases.Contains(name);

    /// <summary>A value from text.</summary>
    /// <exception cref="InvalidSettingException">The text is not accepted; the message says what is.</exception>
    public abstract object? ParseValue(string text);

    /// <summary>A value as it would be typed.</summary>
    public abstract string FormatValue(object? value);
}

/// <summary>A setting whose values are <typeparamref name="T"/>.</summary>
/// <typeparam name="T">int, double, bool, an enumeration, or a nullable of those.</typeparam>
public sealed record Setting<T> : Setting
{
    private const int MostQuoted = 200;

    /// <summary>The value if none is given.</summary>
    public required T Default { get; init; }

    /// <summary>A value from text; false where the text is not accepted.</summary>
    public required TryParse Parse { get; init; }

    /// <summary>Text of a value.</summary>
    public required Func<T, string> Format { get; init; }

    /// <summary>Reads a value; false where the text is not accepted.</summary>
    public delegate bool TryParse(string text, out T value);

    /// <inheritdoc/>
    public override string DefaultText => Format(Default);

    /// <summary>The same setting with another default, for another method.</summary>
    /// <param name="value">The default.</param>
    /// <param name="aliases">Further names it has there.</param>
    public Setting<T> With(T value, params string[] aliases) =>
        this with
        {
            Default = value,
            Aliases = [.. Aliases, .. aliases],
        };

    /// <inheritdoc/>
    public override object? ParseValue(string text) =>
        Parse(text.Trim(), out var value)
            ? value
            : throw new InvalidSettingException(
                $"{Name} must be {Accepts}, got '{Quoted(text)}' {Question(text)}".TrimEnd()
            );

    /// <inheritdoc/>
    public override string FormatValue(object? value) => Format((T)value!);

    private string Question(string text) => NearestNames.Question(Quoted(text), Words);

    // A value from a file may be as long as the file.
    private static string Quoted(string text) => text.Length <= MostQuoted ? text : $"{text[..MostQuoted]}…";
}

/// <summary>Makes settings of the types that methods use.</summary>
public static class SettingOf
{
    /// <summary>The largest factor that a setting can be: what it multiplies stays finite in single precision.</summary>
    public const double LargestFactor = 1e6;

    private const string None = "none";

    /// <summary>An integer of at least <paramref name="min"/>.</summary>
    public static Setting<int> Integer(string name, int value, int min, string help, params string[] aliases) =>
        Whole(name, value, min, $"an integer ≥ {min}", help, aliases);

    /// <summary>An integer of at least <paramref name="min"/>, or none.</summary>
    public static Setting<int?> OptionalInteger(
        string name,
        int? value,
        int min,
        string help,
        params string[] aliases
    ) => OptionalWhole(name, value, min, $"an integer ≥ {min}", help, aliases);

    /// <summary>An integer of at least <paramref name="min"/>, as large as 64 bits with a sign hold: a seed.</summary>
    public static Setting<long> LargeInteger(string name, long value, long min, string help, params string[] aliases) =>
        Whole(name, value, min, $"an integer from {min} to 2^63 - 1", help, aliases);

    /// <summary>An integer of at least <paramref name="min"/>, as large as 64 bits with a sign hold, or none.</summary>
    public static Setting<long?> OptionalLargeInteger(
        string name,
        long? value,
        long min,
        string help,
        params string[] aliases
    ) => OptionalWhole(name, value, min, $"an integer from {min} to 2^63 - 1", help, aliases);

    private static Setting<T> Whole<T>(string name, T value, T min, string accepts, string help, string[] aliases)
        where T : struct, IBinaryInteger<T> =>
        new()
        {
            Name = name,
            Aliases = aliases,
            Help = help,
            Accepts = accepts,
            Default = value,
            Parse = (text, out parsed) => TryWhole(text, out parsed) && parsed >= min,
            Format = Text,
        };

    private static Setting<T?> OptionalWhole<T>(
        string name,
        T? value,
        T min,
        string accepts,
        string help,
        string[] aliases
    )
        where T : struct, IBinaryInteger<T> =>
        new()
        {
            Name = name,
            Aliases = aliases,
            Help = help,
            Accepts = $"{accepts}, or {None}",
            Default = value,
            Parse = (text, out parsed) =>
            {
                parsed = null;
                if (IsNone(text))
                {
                    return true;
                }
                var isInteger = TryWhole<T>(text, out var number) && number >= min;
                parsed = number;
                return isInteger;
            },
            Format = number => number is { } given ? Text(given) : None,
        };

    /// <summary>A finite number in a range.</summary>
    public static Setting<double> Number(
        string name,
        double value,
        double min,
        double max,
        string help,
        params string[] aliases
    ) =>
        new()
        {
            Name = name,
            Aliases = aliases,
            Help = help,
            Accepts = InWords(min, max),
            Default = value,
            Parse = (text, out parsed) => TryNumber(text, out parsed) && parsed >= min && parsed <= max,
            Format = Text,
        };

    /// <summary>A finite number of at least <paramref name="min"/>, or none.</summary>
    public static Setting<double?> OptionalNumber(string name, double min, string help, params string[] aliases) =>
        OptionalNumber(name, min, double.PositiveInfinity, help, aliases);

    /// <summary>A finite number in a range, or none.</summary>
    public static Setting<double?> OptionalNumber(
        string name,
        double min,
        double max,
        string help,
        params string[] aliases
    ) =>
        new()
        {
            Name = name,
            Aliases = aliases,
            Help = help,
            Accepts = $"{InWords(min, max)}, or {None}",
            Default = null,
            Parse = (text, out parsed) =>
            {
                parsed = null;
                if (IsNone(text))
                {
                    return true;
                }
                var isNumber = TryNumber(text, out var number) && number >= min && number <= max;
                parsed = number;
                return isNumber;
            },
            Format = number => number is { } given ? Text(given) : None,
        };

    /// <summary>True or false.</summary>
    public static Setting<bool> Flag(string name, bool value, string help, params string[] aliases) =>
        new()
        {
            Name = name,
            Aliases = aliases,
            Help = help,
            Accepts = "true or false",
            Words = ["true", "false"],
            Default = value,
            Parse = (text, out parsed) => bool.TryParse(text, out parsed),
            Format = flag => flag ? "true" : "false",
        };

    /// <summary>One of a few words.</summary>
    public static Setting<T> Choice<T>(
        string name,
        T value,
        IReadOnlyList<(string Text, T Value)> choices,
        string help,
        params string[] aliases
    )
        where T : struct, Enum =>
        new()
        {
            Name = name,
            Aliases = aliases,
            Help = help,
            Accepts = string.Join(" | ", choices.Select(choice => choice.Text)),
            Words = [.. choices.Select(choice => choice.Text)],
            Default = value,
            Parse = (text, out parsed) =>
            {
                var found = choices.Where(choice => choice.Text == text).ToArray();
                parsed = found.Length == 0 ? default : found[0].Value;
                return found.Length > 0;
            },
            Format = chosen => choices.First(choice => choice.Value.Equals(chosen)).Text,
        };

    /// <summary>One of a few words, kept as the word.</summary>
    public static Setting<string> Word(
        string name,
        string value,
        IReadOnlyList<string> words,
        string help,
        params string[] aliases
    ) =>
        Text(name, value, help, aliases) with
        {
            Accepts = string.Join(" | ", words),
            Words = words,
            Parse = (text, out parsed) =>
            {
                parsed = text;
                return words.Contains(text);
            },
        };

    /// <summary>Any text, such as a path; checked where it is used.</summary>
    public static Setting<string> Text(string name, string value, string help, params string[] aliases) =>
        new()
        {
            Name = name,
            Aliases = aliases,
            Help = help,
            Accepts = "text",
            Default = value,
            Parse = (text, out parsed) =>
            {
                parsed = text;
                return text.Length > 0;
            },
            Format = text => text,
        };

    /// <summary>Words, separated by commas, in brackets or not; or none.</summary>
    public static Setting<IReadOnlyList<string>> List(
        string name,
        IReadOnlyList<string> value,
        string help,
        params string[] aliases
    ) =>
        new()
        {
            Name = name,
            Aliases = aliases,
            Help = help,
            Accepts = $"a list of words, or {None}",
            TakesList = true,
            Default = value,
            Parse = (text, out parsed) =>
            {
                var inner = text.StartsWith('[') && text.EndsWith(']') ? text[1..^1] : text;
                parsed = IsNone(inner.Trim()) ? [] : inner.Split(',', StringSplitOptions.TrimEntries);
                return parsed.All(word => word.Length > 0);
            },
            Format = words => words.Count == 0 ? None : string.Join(',', words),
        };

    private static string InWords(double min, double max) =>
        (double.IsInfinity(min), min == double.Epsilon, double.IsInfinity(max)) switch
        {
            (true, _, true) => "a number",
            (_, true, true) => "a number > 0",
            (_, true, false) => $"a number > 0, at most {Text(max)}",
            (_, _, true) => $"a number ≥ {Text(min)}",
            _ => $"a number from {Text(min)} to {Text(max)}",
        };

    private static bool IsNone(string text) => text is None or "null" or "~" or "";

    private static bool TryWhole<T>(string text, out T value)
        where T : struct, IBinaryInteger<T> =>
        T.TryParse(text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out value);

    private static bool TryNumber(string text, out double value) =>
        double.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out value) && double.IsFinite(value);

    private static string Text<T>(T value)
        where T : struct, IBinaryInteger<T> => value.ToString(null, CultureInfo.InvariantCulture);

    private static string Text(double value) => value.ToString("R", CultureInfo.InvariantCulture);
}
