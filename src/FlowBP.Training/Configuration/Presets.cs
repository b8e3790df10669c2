// The settings of the published experiments, by name. They are data (presets.yaml); this file only looks them up.

using FlowBP.Families;
using FlowBP.Settings;
using FlowBP.Surrogates;

namespace FlowBP.Training.Configuration;

/// <summary>A preset: where it comes from, for which family and method.</summary>
/// <param name="Source"><c>paper</c> or <c>released</c>.</param>
/// <param name="Family">The family.</param>
/// <param name="Method">The method.</param>
public sealed record Preset(string Source, ModelFamily Family, MethodDefinition Method)
{
    /// <summary>As in <c>--preset</c>: <c>released/sd35/flowbp-sparse</c>.</summary>
    public string Name => $"{Source}/{Family.Name}/{Method.Name}";

    /// <summary>Its settings, and the released defaults beneath them.</summary>
    public IReadOnlyList<GivenValue> Values => Presets.ValuesOf(this);
}

/// <summary>The presets.</summary>
public static class Presets
{
    private const string Resource = "FlowBP.Training.Configuration.presets.yaml";
    private const string Defaults = "defaults";
    private const string Released = "released";
    private const string Paper = "paper";

    // The ablations of the paper's Table 4 and full backpropagation have no configuration of their own.
    private static readonly string[] Methods =
    [
        "refl",
        "draft-lv",
        "drtune",
        "leapalign",
        "flowbp-sparse",
        "flowbp-bridge",
        "flowbp-lagrange",
    ];

    private static readonly Lazy<IReadOnlyList<ConfigEntry>> Table = new(ReadTable);

    /// <summary>All presets.</summary>
    public static IReadOnlyList<Preset> All { get; } =
    [
        .. from source in new[] { Paper, Released }
        from family in ModelFamilies.All
        from method in Methods
        select new Preset(source, family, MethodRegistry.Get(method)),
    ];

    /// <summary>A preset by name.</summary>
    /// <exception cref="UnknownNameException">There is no such preset; the message suggests the nearest.</exception>
    public static Preset Get(string name) =>
        All.FirstOrDefault(preset => preset.Name == name)
        ?? throw new UnknownNameException("preset", name, All.Select(preset => preset.Name));

    /// <summary>What the released trainers assume where their configuration says nothing.</summary>
    /// <param name="family">The family; null where it isn't known: what all have in common.</param>
    /// <param name="method">The method.</param>
    public static IReadOnlyList<GivenValue> ReleasedDefaults(ModelFamily? family, MethodDefinition method) =>
        Gather(family, method, new(Precedence.ReleasedDefault, "released default"), Defaults);

    /// <summary>Every entry of the table, for checks.</summary>
    internal static IReadOnlyList<ConfigEntry> Entries => Table.Value;

    internal static IReadOnlyList<GivenValue> ValuesOf(Preset preset)
    {
        var own = Gather(
            preset.Family,
            preset.Method,
            new(Precedence.Preset, $"preset {preset.Name}"),
            preset.Source == Paper ? [Released, Paper] : [Released]
        );
        return
        [
            .. ReleasedDefaults(preset.Family, preset.Method),
            .. own,
            new("method", preset.Method.Name, new(Precedence.Preset, $"preset {preset.Name}")),
        ];
    }

    // Groups in order, scopes from wide to narrow; of one setting the last value holds.
    private static List<GivenValue> Gather(
        ModelFamily? family,
        MethodDefinition method,
        ValueOrigin origin,
        params string[] groups
    )
    {
        string[] scopes = ["all", family?.Name ?? "", method.Name, $"{family?.Name}/{method.Name}"];
        var known = AlignmentConfig.Settings.Concat(method.Settings).Select(setting => setting.Name).ToHashSet();
        Dictionary<string, GivenValue> values = [];
        foreach (var group in groups)
        {
            foreach (var scope in scopes)
            {
                foreach (var entry in Table.Value.Where(entry => entry.Path[0] == group && entry.Path[1] == scope))
                {
                    var name = entry.Path[2];
                    if (known.Contains(name))
                    {
                        values[name] = new(name, Filled(entry.Text, method), origin, entry.IsList);
                    }
                }
            }
        }
        return [.. values.Values];
    }

    private static string Filled(string text, MethodDefinition method) =>
        text.Replace("{method}", method.Name.Replace('-', '_'), StringComparison.Ordinal);

    private static IReadOnlyList<ConfigEntry> ReadTable()
    {
        using var stream = typeof(Presets).Assembly.GetManifestResourceStream(Resource)!;
        using var reader = new StreamReader(stream);
        return YamlConfig.Parse(reader.ReadToEnd(), "presets.yaml", Precedence.Preset);
    }
}
