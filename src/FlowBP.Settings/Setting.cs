// A setting describes itself: name, values, default, help. The command line builds its flags from these, config.yaml its keys, and a
// value is checked in one place wherever it came from.

namespace FlowBP.Settings;

/// <summary>A setting.</summary>
/// <param name="Name">Name of the flag and of the key, <c>snake_case</c>.</param>
/// <param name="Kind">Which values it has.</param>
public sealed record Setting(string Name, SettingKind Kind)
{
    private const int MostQuoted = 200;

    /// <summary>Other names that mean the same, such as the reference's own.</summary>
    public IReadOnlyList<string> Aliases { get; init; } = [];

    /// <summary>One line for the user.</summary>
    public string Help { get; init; } = "";

    /// <summary>The value if none is given.</summary>
    public object? Default { get; init; }

    /// <summary>Whether it may be given several times, each adding to the ones before.</summary>
    public bool Repeats { get; init; }

    /// <summary>What is accepted, in words.</summary>
    public string Accepts => Kind.Accepts;

    /// <summary>The default, as it would be typed.</summary>
    public string DefaultText => Kind.Format(Default);

    /// <summary>Whether a name is this setting's or one of its aliases.</summary>
    public bool Answers(string name) => Name == name || Aliases.Contains(name);

    /// <summary>A value from text.</summary>
    /// <exception cref="InvalidSettingException">The text is not accepted; the message says what is.</exception>
    public object? ParseValue(string text) =>
        Kind.Parse(text.Trim(), out var value)
            ? value
            : throw new InvalidSettingException(
                $"{Name} must be {Accepts}, got '{Quoted(text)}' {NearestNames.Question(Quoted(text), Kind.Words)}".TrimEnd()
            );

    /// <summary>A value as it would be typed.</summary>
    public string FormatValue(object? value) => Kind.Format(value);

    // A value from a file may be as long as the file.
    private static string Quoted(string text) => text.Length <= MostQuoted ? text : $"{text[..MostQuoted]}…";
}
