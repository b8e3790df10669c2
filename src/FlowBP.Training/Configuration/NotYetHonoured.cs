// Settings that are described and checked, and that no run does yet. They are in one list, so that none is ever taken for done: a
// run that asks for one is refused by name, --dry-run says so, and whoever builds it removes its line.

using FlowBP.Surrogates;
using FlowBP.Training.Alignment;
using S = FlowBP.Training.Alignment.AlignmentSettings;

namespace FlowBP.Training.Configuration;

/// <summary>What a run can't do yet.</summary>
public static class NotYetHonoured
{
    private static readonly (Func<AlignmentConfig, bool> IsAsked, Setting[] Settings, string Which)[] Table =
    [
        (
            config => config.Get(S.Height) != config.Get(S.Width),
            [S.Height, S.Width],
            " (pictures that are not square can't be shown yet)"
        ),
    ];

    /// <summary>The settings of a run that are not honoured, as <c>name value</c>.</summary>
    /// <param name="config">The run.</param>
    public static IReadOnlyList<string> In(AlignmentConfig config)
    {
        var values = config.Resolved().ToDictionary(pair => pair.Key, pair => pair.Value);
        return
        [
            .. Table
                .Where(entry => entry.IsAsked(config))
                .Select(entry =>
                    string.Join(", ", entry.Settings.Select(setting => $"{setting.Name} {values[setting.Name]}"))
                    + entry.Which
                ),
        ];
    }

    /// <summary>Refuses a run that asks for what is not done.</summary>
    /// <param name="config">The run.</param>
    /// <exception cref="ConfigurationException">It asks for something that is not done.</exception>
    public static void Refuse(AlignmentConfig config)
    {
        var asked = In(config);
        if (asked.Count > 0)
        {
            throw new ConfigurationException($"not supported yet: {string.Join("; ", asked)}");
        }
    }
}
