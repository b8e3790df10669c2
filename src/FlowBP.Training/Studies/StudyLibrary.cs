using FlowBP.Settings;
using FlowBP.Training.Configuration;

namespace FlowBP.Training.Studies;

/// <summary>The studies that come along, and files of others.</summary>
public static class StudyLibrary
{
    private const string Prefix = "FlowBP.Training.Studies.";
    private const string Suffix = ".yaml";

    /// <summary>Names of the studies that come along.</summary>
    public static IReadOnlyList<string> Names { get; } =
    ["methods", "endpoint", "quadrature", "nested", "active", "deviation", "hinge", "hacking"];

    /// <summary>A study.</summary>
    /// <param name="name">Its name, or the path of a file that ends in .yaml.</param>
    /// <param name="quick">Whether the shortened form is wanted.</param>
    /// <param name="overrides">Settings over those of the file, as <c>key=value</c>.</param>
    /// <exception cref="UnknownNameException">There is no such study; the nearest is suggested.</exception>
    /// <exception cref="FileNotFoundException">There is no such file.</exception>
    /// <exception cref="InvalidSettingException">It is no study; the place is named.</exception>
    public static StudyDefinition Get(string name, bool quick = false, IReadOnlyList<string>? overrides = null)
    {
        var isFile = name.EndsWith(Suffix, StringComparison.Ordinal);
        var entries = isFile ? YamlConfig.Read(name) : Read(name);
        return StudyDefinition.Of(
            entries,
            isFile ? Path.GetFileNameWithoutExtension(name) : name,
            quick,
            overrides ?? []
        );
    }

    private static IReadOnlyList<ConfigEntry> Read(string name)
    {
        if (!Names.Contains(name))
        {
            throw new UnknownNameException("study", name, Names);
        }
        using var stream = typeof(StudyLibrary).Assembly.GetManifestResourceStream(Prefix + name + Suffix)!;
        using var reader = new StreamReader(stream);
        return YamlConfig.Parse(reader.ReadToEnd(), $"study {name}", Precedence.File);
    }
}
