// From the released form, keys in sections, to settings of ours. All sections of all sources are merged first, because some keys
// mean something only together; each value keeps the place it came from.

using FlowBP.Settings;
using FlowBP.Surrogates;

namespace FlowBP.Training.Configuration;

/// <summary>What the sections of a configuration come to.</summary>
/// <param name="Settings">Settings of ours.</param>
/// <param name="WithoutEffect">Keys that change nothing here.</param>
internal sealed record ReleasedTranslation(
    IReadOnlyList<GivenValue> Settings,
    IReadOnlyList<WithoutEffect> WithoutEffect
);

/// <summary>Translates keys in sections.</summary>
internal static class ReleasedForm
{
    /// <summary>Key that names the method.</summary>
    public const string MethodKey = "trainer.name";

    /// <summary>Translates.</summary>
    /// <param name="entries">Keys in sections, of all sources.</param>
    /// <param name="method">The method.</param>
    /// <exception cref="ConfigurationException">A key is unknown or a value not accepted; place and nearest name are given.</exception>
    public static ReleasedTranslation Translate(IEnumerable<ConfigEntry> entries, MethodDefinition method)
    {
        var merged = Merge(entries);
        var sections = new ReleasedSections(
            merged.ToDictionary(pair => pair.Key, pair => pair.Value.Entry.Text),
            method
        );
        List<GivenValue> settings = [];
        List<WithoutEffect> nothing = [];
        foreach (var (name, (key, entry)) in merged)
        {
            foreach (var outcome in entry.Origin.Guard(() => Outcomes(key, entry, sections), $"{key.Section}."))
            {
                switch (outcome)
                {
                    case KeyOutcome.Sets sets:
                        settings.Add(new(sets.Setting, sets.Text, entry.Origin, key.Type.Kind.TakesList));
                        break;
                    case KeyOutcome.Nothing none:
                        nothing.Add(new(name, entry.Text, none.Reason, entry.Origin));
                        break;
                }
            }
        }
        return new(settings, nothing);
    }

    /// <summary>The name, in our spelling, of the method that an entry of <see cref="MethodKey"/> names.</summary>
    /// <exception cref="InvalidSettingException">There is no such method.</exception>
    public static string MethodOf(ConfigEntry entry) =>
        ReleasedMethods.IsKnown(entry.Text)
            ? ReleasedMethods.Ours(entry.Text)
            : throw new UnknownNameException("method", entry.Text, ReleasedMethods.Names, $" in {MethodKey}");

    /// <summary>Checks that a key exists, before anything else is known.</summary>
    /// <param name="entry">A key in a section.</param>
    /// <exception cref="ConfigurationException">It does not exist.</exception>
    public static ReleasedKey Find(ConfigEntry entry)
    {
        var section = string.Join('.', entry.Path.SkipLast(1));
        var keys = ReleasedKeys.Of(section);
        if (keys.Count == 0)
        {
            throw NoSection(entry);
        }
        var name = entry.Path[^1];
        if (keys.FirstOrDefault(key => key.Type.Answers(name)) is { } found)
        {
            return found;
        }
        var known = KeysOf(section);
        if (known.Contains(name))
        {
            throw entry.Origin.Refuse($"{entry.Key} holds keys of its own ({name}: ...), found '{entry.Text}'");
        }
        var owners = ReleasedKeys.All.Where(key => key.Type.Answers(name)).Select(key => key.Section).Distinct();
        throw entry.Origin.Refuse(
            owners.FirstOrDefault() is { } owner
                ? $"unknown key '{name}' in {section}: it belongs in {owner}"
                : new UnknownNameException("key", name, known, $" in {section}").Message
        );
    }

    // Also the sections that lie in a section, as eval.reward_fn does.
    private static List<string> KeysOf(string section) =>
        [
            .. ReleasedKeys.Of(section).Select(key => key.Name),
            .. ReleasedKeys
                .Sections.Where(inner => inner.StartsWith(section + '.', StringComparison.Ordinal))
                .Select(inner => inner[(section.Length + 1)..]),
        ];

    private static ConfigurationException NoSection(ConfigEntry entry)
    {
        var outer = entry.Path[0];
        if (ReleasedKeys.Of(outer).Count == 0)
        {
            var sections = ReleasedKeys.Sections.Where(section => !section.Contains('.'));
            return entry.Origin.Refuse(new UnknownNameException("section", outer, sections).Message);
        }
        var known = KeysOf(outer);
        return entry.Origin.Refuse(
            known.Contains(entry.Path[1])
                ? $"{outer}.{entry.Path[1]} is a value, not a section"
                : new UnknownNameException("key", entry.Path[1], known, $" in {outer}").Message
        );
    }

    private static Dictionary<string, (ReleasedKey Key, ConfigEntry Entry)> Merge(IEnumerable<ConfigEntry> entries)
    {
        Dictionary<string, (ReleasedKey Key, ConfigEntry Entry)> merged = [];
        foreach (var entry in entries.OrderBy(entry => entry.Origin.Precedence))
        {
            var key = Find(entry);
            var name = $"{key.Section}.{key.Name}";
            if (merged.TryGetValue(name, out var earlier) && earlier.Entry.Origin.Precedence == entry.Origin.Precedence)
            {
                throw entry.Origin.Refuse($"{entry.Key} is given twice (first as {earlier.Entry.Key})");
            }
            merged[name] = (key, entry);
        }
        return merged;
    }

    private static List<KeyOutcome> Outcomes(ReleasedKey key, ConfigEntry entry, ReleasedSections sections)
    {
        if (entry.IsList && !key.Type.Kind.TakesList)
        {
            throw new InvalidSettingException($"{key.Name} must be {key.Type.Accepts}, got a list");
        }
        key.Type.ParseValue(entry.Text);
        return [.. key.Becomes(entry.Text, sections)];
    }
}
