// A key of the released configurations, described like a setting: its type and what is accepted. What it comes to here is one of
// three things: settings of ours, nothing (with the reason), or a refusal. There is no fourth, so no key can be ignored.

using FlowBP.Settings;
using FlowBP.Surrogates;

namespace FlowBP.Training.Configuration;

/// <summary>What a key comes to.</summary>
internal abstract record KeyOutcome
{
    private KeyOutcome() { }

    /// <summary>It sets a setting of ours, by its name.</summary>
    public sealed record Sets(string Setting, string Text) : KeyOutcome;

    /// <summary>It changes nothing here.</summary>
    public sealed record Nothing(string Reason) : KeyOutcome;
}

/// <summary>A key of a section of the released configurations.</summary>
/// <param name="Section">Its section; <c>eval.reward_fn</c> is one.</param>
/// <param name="Type">Name within the section, and which values it has.</param>
/// <param name="Becomes">What a value comes to; throws <see cref="InvalidSettingException"/> for a value that asks for something we don't do.</param>
internal sealed record ReleasedKey(
    string Section,
    Setting Type,
    Func<string, ReleasedSections, IEnumerable<KeyOutcome>> Becomes
)
{
    /// <summary>Name within the section.</summary>
    public string Name => Type.Name;
}

/// <summary>What a key may ask about the configuration it stands in.</summary>
/// <param name="texts">All values in sections, by section and key.</param>
/// <param name="method">The method.</param>
internal sealed class ReleasedSections(IReadOnlyDictionary<string, string> texts, MethodDefinition method)
{
    /// <summary>The method.</summary>
    public MethodDefinition Method { get; } = method;

    /// <summary>A value by section and key; null where it isn't given.</summary>
    public string? Text(string key) => texts.GetValueOrDefault(key);

    /// <summary>Whether a value is given and true.</summary>
    public bool IsTrue(string key) => string.Equals(Text(key), "true", StringComparison.OrdinalIgnoreCase);

    /// <summary>Whether a value is given and false.</summary>
    public bool IsFalse(string key) => string.Equals(Text(key), "false", StringComparison.OrdinalIgnoreCase);
}
