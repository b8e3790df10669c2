namespace FlowBP.Training.Configuration;

/// <summary>One value of a configuration: <c>section.key: text</c>, or <c>key: text</c> without a section.</summary>
/// <param name="Path">The keys from the outside in; one to three.</param>
/// <param name="Text">The scalar as typed; empty for null; a list as <c>[a, b]</c>.</param>
/// <param name="IsList">Whether it was written as a list.</param>
/// <param name="Origin">Where it was given.</param>
public sealed record ConfigEntry(IReadOnlyList<string> Path, string Text, bool IsList, ValueOrigin Origin)
{
    /// <summary>The keys, joined by dots.</summary>
    public string Key { get; } = string.Join('.', Path);

    /// <summary>Whether it lies in a section, as the keys of the released configurations do.</summary>
    public bool IsSectioned => Path.Count > 1;
}
