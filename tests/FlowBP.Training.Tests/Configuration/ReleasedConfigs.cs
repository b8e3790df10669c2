// The released configurations lie in ../shared and are read from there.

using FlowBP.Training.Configuration;

namespace FlowBP.Training.Tests.Configuration;

/// <summary>The released configurations, or an ignored test.</summary>
internal static class ReleasedConfigs
{
    public static string[] Files() =>
        [
            .. Directory
                .GetFiles(SharedFolder.Require("data", "released_configs"), "*.yaml", SearchOption.AllDirectories)
                .Order(StringComparer.Ordinal),
        ];

    public static AlignmentConfig Load(string file, params string[] overrides) =>
        AlignmentConfig.Resolve(new SettingSources { ConfigFile = file, Overrides = overrides });

    /// <summary>The preset that a file belongs to: its folder is the backbone, its name ends in the method.</summary>
    public static string PresetOf(string file)
    {
        var name = Path.GetFileNameWithoutExtension(file);
        var method = Presets
            .All.Select(preset => preset.Method.Name)
            .Distinct()
            .Single(method => name.EndsWith(method.Replace('-', '_'), StringComparison.Ordinal));
        return $"released/{Path.GetFileName(Path.GetDirectoryName(file))}/{method}";
    }
}
