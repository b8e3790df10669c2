// Where a value comes from decides two things: whether it wins over another, and how a mistake in it is reported.

using FlowBP.Settings;

namespace FlowBP.Training.Configuration;

/// <summary>Which of two values of the same setting holds: the later one in this order.</summary>
public enum Precedence
{
    /// <summary>The setting's own default.</summary>
    Default,

    /// <summary>What the released trainers assume where their configuration says nothing.</summary>
    ReleasedDefault,

    /// <summary>A preset.</summary>
    Preset,

    /// <summary>A configuration file.</summary>
    File,

    /// <summary><c>--set key=value</c>.</summary>
    Override,

    /// <summary>A flag of its own, such as <c>--learning_rate</c>.</summary>
    Flag,
}

/// <summary>Where a value was given.</summary>
/// <param name="Precedence">What it wins over.</param>
/// <param name="Place">For people: <c>run.yaml, line 12</c>, <c>--set</c>, <c>preset paper/sd35/refl</c>.</param>
public sealed record ValueOrigin(Precedence Precedence, string Place)
{
    /// <summary>The origin of what nobody gave.</summary>
    public static ValueOrigin Default { get; } = new(Precedence.Default, "default");

    /// <summary>Runs what reads a value given here; what it finds wrong is reported with the place.</summary>
    /// <typeparam name="T">What is read.</typeparam>
    /// <param name="read">Throws <see cref="InvalidSettingException"/> for what it does not accept.</param>
    /// <param name="prefix">Put before the message, such as a section's name.</param>
    /// <exception cref="InvalidSettingException">
    /// What <paramref name="read"/> threw, with the place; a flag's own, since its message names the flag.
    /// </exception>
    public T Guard<T>(Func<T> read, string prefix = "")
    {
        try
        {
            return read();
        }
        catch (InvalidSettingException e) when (Precedence != Precedence.Flag && e is not ConfigurationException)
        {
            throw Refuse(prefix + e.Message);
        }
    }

    /// <summary>The exception that refuses what was given here.</summary>
    /// <param name="problem">What is wrong with it.</param>
    public ConfigurationException Refuse(string problem) => new($"{Place}: {problem}");
}

/// <summary>One setting as it was given.</summary>
/// <param name="Name">Its name or alias.</param>
/// <param name="Text">Its value, as typed.</param>
/// <param name="Origin">Where.</param>
/// <param name="IsList">Whether it was written as a list.</param>
public sealed record GivenValue(string Name, string Text, ValueOrigin Origin, bool IsList = false)
{
    /// <summary>The name it was given under.</summary>
    public string Alias { get; init; } = Name;
}

/// <summary>A key that is understood and changes nothing here.</summary>
/// <param name="Key">Section and name.</param>
/// <param name="Text">Its value.</param>
/// <param name="Reason">Why it changes nothing.</param>
/// <param name="Origin">Where it was given.</param>
public sealed record WithoutEffect(string Key, string Text, string Reason, ValueOrigin Origin);
