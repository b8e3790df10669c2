// What values there are and how they are typed. Flags, keys of config.yaml and the keys of released configurations are checked by the
// same few kinds.

using System.Globalization;
using System.Numerics;
using System.Text.Json;

namespace FlowBP.Settings;

/// <summary>What a setting accepts.</summary>
public sealed record SettingKind
{
    private const string None = "none";

    /// <summary>What is accepted, in words: <c>an integer ≥ 1</c>, <c>start | midpoint | all</c>.</summary>
    public required string Accepts { get; init; }

    /// <summary>A value from text; false where the text is not accepted.</summary>
    public required TryParse Parse { get; init; }

    /// <summary>A value as it would be typed.</summary>
    public Func<object?, string> Format { get; init; } =
        value => string.Create(CultureInfo.InvariantCulture, $"{value}");

    /// <summary>The words among what is accepted, for suggestions; empty for numbers and free text.</summary>
    public IReadOnlyList<string> Words { get; init; } = [];

    /// <summary>Whether a value is a list.</summary>
    public bool TakesList { get; init; }

    /// <summary>Whether a value is any text.</summary>
    public bool IsText { get; init; }

    /// <summary>Whether it is true or false, and the name alone is true.</summary>
    public bool IsFlag { get; init; }

    /// <summary>Reads a value; false where the text is not accepted.</summary>
    public delegate bool TryParse(string text, out object? value);

    /// <summary>True or false.</summary>
    public static SettingKind Flag { get; } =
        Choice([("true", true), ("false", false)]) with
        {
            Accepts = "true or false",
            Parse = (text, out value) =>
            {
                var isFlag = bool.TryParse(text, out var flag);
                value = flag;
                return isFlag;
            },
            IsFlag = true,
        };

    /// <summary>Any text but the empty one, such as a path; checked where it is used.</summary>
    public static SettingKind Text { get; } =
        new()
        {
            Accepts = "text",
            IsText = true,
            Parse = (text, out value) =>
            {
                value = text;
                return text.Length > 0;
            },
        };

    /// <summary>Words, separated by commas, in brackets or not; or none.</summary>
    public static SettingKind List { get; } =
        new()
        {
            Accepts = $"a list of words, or {None}",
            TakesList = true,
            Parse = (text, out value) =>
            {
                var inner = text.StartsWith('[') && text.EndsWith(']') ? text[1..^1] : text;
                var words = IsNone(inner.Trim()) ? [] : inner.Split(',', StringSplitOptions.TrimEntries);
                value = words;
                return words.All(word => word.Length > 0);
            },
            Format = value => value is IReadOnlyList<string> { Count: > 0 } words ? string.Join(',', words) : None,
        };

    /// <summary>An integer of at least <paramref name="min"/>.</summary>
    /// <typeparam name="T">int, or long for what needs 64 bits, such as a seed.</typeparam>
    public static SettingKind Integer<T>(T min)
        where T : struct, IBinaryInteger<T> =>
        new()
        {
            Accepts = min is long ? $"an integer from {min} to 2^63 - 1" : $"an integer ≥ {min}",
            Parse = (text, out value) =>
            {
                var isInteger = T.TryParse(
                    text,
                    NumberStyles.AllowLeadingSign,
                    CultureInfo.InvariantCulture,
                    out var number
                );
                value = number;
                return isInteger && number >= min;
            },
        };

    /// <summary>A finite number in a range; one that begins at <see cref="double.Epsilon"/> is above 0.</summary>
    public static SettingKind Number(double min, double max) =>
        new()
        {
            Accepts = InWords(min, max),
            Parse = (text, out value) =>
            {
                var isNumber = double.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out var number);
                value = number;
                return isNumber && double.IsFinite(number) && number >= min && number <= max;
            },
            Format = value => Plain((double)value!),
        };

    /// <summary>One of a few words; of several for one value it is written as the first.</summary>
    public static SettingKind Choice(IReadOnlyList<(string Word, object Value)> choices) =>
        new()
        {
            Accepts = string.Join(" | ", choices.Select(choice => choice.Word)),
            Words = [.. choices.Select(choice => choice.Word)],
            Parse = (text, out value) =>
            {
                value = choices.FirstOrDefault(choice => choice.Word == text).Value;
                return value is not null;
            },
            Format = value => choices.First(choice => choice.Value.Equals(value)).Word,
        };

    /// <summary>One of the names of an enumeration, <c>snake_case</c>.</summary>
    /// <param name="type">The enumeration.</param>
    public static SettingKind NameOf(Type type) =>
        Choice([
            .. Enum.GetValues(type)
                .Cast<object>()
                .Select(value => (JsonNamingPolicy.SnakeCaseLower.ConvertName($"{value}"), value)),
        ]);

    /// <summary>The same, or none: null.</summary>
    public SettingKind OrNone() =>
        this with
        {
            Accepts = IsText ? Accepts : $"{Accepts}, or {None}",
            Parse = (text, out value) =>
            {
                value = null;
                // An empty text is none of a number, and no path.
                return (IsText ? text == None : IsNone(text)) || Parse(text, out value);
            },
            Format = value => value is null ? None : Format(value),
        };

    private static string InWords(double min, double max) =>
        (double.IsInfinity(min), min == double.Epsilon, double.IsInfinity(max)) switch
        {
            (true, _, true) => "a number",
            (_, true, true) => "a number > 0",
            (_, true, false) => $"a number > 0, at most {Plain(max)}",
            (_, _, true) => $"a number ≥ {Plain(min)}",
            _ => $"a number from {Plain(min)} to {Plain(max)}",
        };

    private static bool IsNone(string text) => text is None or "null" or "~" or "";

    private static string Plain(double value) => value.ToString("R", CultureInfo.InvariantCulture);
}
