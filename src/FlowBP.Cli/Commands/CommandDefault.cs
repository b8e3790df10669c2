// Settings that several commands share, and that one of them has another default for. It is shown as the default, and taken where
// nothing else is given.

using System.Globalization;
using FlowBP.Cli.Parsing;
using FlowBP.Settings;

namespace FlowBP.Cli.Commands;

/// <summary>A default that a setting has for one command.</summary>
/// <param name="shown">The setting with the default that help shows.</param>
/// <param name="value">The default, as a person would give it.</param>
internal sealed class CommandDefault(Setting shown, Func<string> value)
{
    /// <summary>
    /// An <c>output_dir</c> that carries the date and time of the call: commands that are called again and again write into a new
    /// folder each time, because an existing one is never overwritten.
    /// </summary>
    /// <param name="setting">The command's setting.</param>
    /// <param name="stem">Its path without date and time.</param>
    /// <param name="time">The clock.</param>
    public static CommandDefault DatedFolder(Setting<string> setting, string stem, TimeProvider time) =>
        new(
            setting.With($"{stem}-DATE-TIME"),
            () => $"{stem}-{time.GetLocalNow().ToString("yyyyMMdd-HHmmss", CultureInfo.InvariantCulture)}"
        );

    /// <summary>Settings that show this default.</summary>
    public IReadOnlyList<Setting> In(IReadOnlyList<Setting> settings) =>
        [.. settings.Select(setting => setting.Name == shown.Name ? shown : setting)];

    /// <summary>What was given, with this default if nothing else was.</summary>
    public IReadOnlyList<KeyValuePair<string, string>> AddedTo(IReadOnlyList<KeyValuePair<string, string>> given) =>
        given.Any(pair => pair.Key == shown.Name) ? given : [.. given, KeyValuePair.Create(shown.Name, value())];
}
