// Commands that are called again and again write into a new folder each time, because an existing one is never overwritten.

using System.Globalization;
using FlowBP.Cli.Parsing;
using FlowBP.Settings;

namespace FlowBP.Cli.Commands;

/// <summary>A default output folder that carries the date and time of the call.</summary>
/// <param name="stem">Its path without date and time.</param>
/// <param name="time">The clock.</param>
internal sealed class DatedFolder(string stem, TimeProvider time)
{
    private const string SettingName = "output_dir";

    /// <summary>Settings whose <c>output_dir</c> shows this folder as its default.</summary>
    public IReadOnlyList<Setting> In(IReadOnlyList<Setting> settings) =>
        [
            .. settings.Select(setting =>
                setting.Name == SettingName ? setting with { Default = $"{stem}-DATE-TIME" } : setting
            ),
        ];

    /// <summary>What was given, with this folder if no <c>output_dir</c> was.</summary>
    public IReadOnlyList<KeyValuePair<string, string>> AddedTo(CommandArguments arguments) =>
        arguments.Given.Any(pair => pair.Key == SettingName)
            ? arguments.Given
            :
            [
                .. arguments.Given,
                KeyValuePair.Create(
                    SettingName,
                    $"{stem}-{time.GetLocalNow().ToString("yyyyMMdd-HHmmss", CultureInfo.InvariantCulture)}"
                ),
            ];
}
