// Help pages, made of the same descriptions that the parser uses. Plain text within 80 columns.

using FlowBP.Cli.Commands;
using FlowBP.Cli.Output;
using FlowBP.Settings;
using FlowBP.Surrogates;

namespace FlowBP.Cli.Parsing;

/// <summary>Writes help pages.</summary>
internal static class HelpText
{
    private const int Width = 80;
    private const int Indent = 8;

    /// <summary>The page of <c>flowbp --help</c>.</summary>
    public static void WriteOverview(TextWriter to, IReadOnlyList<ICommand> commands)
    {
        to.WriteLine("flowbp: aligns text-to-image flow models with a differentiable reward");
        to.WriteLine();
        to.WriteLine("usage: flowbp COMMAND [--option VALUE …]");
        to.WriteLine();
        to.WriteLine("commands:");
        WriteColumns(to, [.. commands.Select(command => (command.Name, command.Summary))]);
        to.WriteLine();
        to.WriteLine("commands of the launcher, ./flowbp:");
        WriteColumns(to, [.. LauncherCommand.All.Select(command => (command.Name, command.Summary))]);
        to.WriteLine();
        to.WriteLine("methods (--method):");
        WriteColumns(to, [.. MethodRegistry.All.Select(method => (method.Name, method.Summary))]);
        to.WriteLine();
        to.WriteLine("flowbp COMMAND --help lists a command's options, with --method NAME also that");
        to.WriteLine("method's. Exit codes: 0 done, 1 failed, 2 wrong usage, 130 stopped.");
    }

    /// <summary>The page of a command.</summary>
    /// <param name="to">Receives the page.</param>
    /// <param name="command">The command.</param>
    /// <param name="groups">Its options, those of the method included.</param>
    /// <param name="method">Value of <c>--method</c>; null if not given.</param>
    public static void WriteCommand(TextWriter to, ICommand command, IReadOnlyList<OptionGroup> groups, string? method)
    {
        WriteWrapped(to, $"flowbp {command.Name}: {command.Summary}", 0);
        to.WriteLine();
        to.WriteLine($"usage: flowbp {command.Name} {command.Positional?.Name}".TrimEnd() + " [--option VALUE …]");
        if (command.Positional is { } positional)
        {
            to.WriteLine();
            WriteColumns(to, [(positional.Name, positional.Help)]);
        }
        foreach (var group in groups.Where(group => group.Settings.Count > 0))
        {
            to.WriteLine();
            to.WriteLine($"{group.Title}:");
            foreach (var setting in group.Settings)
            {
                WriteSetting(to, setting);
            }
        }
        if (method is null && groups.Any(group => group.Settings.Any(setting => setting.Name == "method")))
        {
            to.WriteLine();
            to.WriteLine($"flowbp {command.Name} --method NAME --help lists the options of another method.");
        }
        if (command.Examples.Count > 0)
        {
            to.WriteLine();
            to.WriteLine(command.Examples.Count == 1 ? "example:" : "examples:");
            foreach (var example in command.Examples)
            {
                to.WriteLine($"  {example}");
            }
        }
    }

    private static void WriteSetting(TextWriter to, Setting setting)
    {
        var fallback = setting.DefaultText.Length == 0 ? "" : $"; default {setting.DefaultText}";
        var name = $"  --{setting.Name}";
        var facts = $"[{setting.Accepts}{fallback}]";
        if (name.Length + 2 + facts.Length <= Width)
        {
            to.WriteLine($"{name}  {facts}");
        }
        else
        {
            to.WriteLine(name);
            WriteWrapped(to, facts, Indent);
        }
        WriteWrapped(to, setting.Help, Indent);
    }

    private static void WriteColumns(TextWriter to, IReadOnlyList<(string Name, string Text)> rows)
    {
        var column = rows.Max(row => row.Name.Length) + 4;
        foreach (var (name, text) in rows)
        {
            to.Write($"  {name}".PadRight(column));
            WriteWrapped(to, text, column, startsAt: column);
        }
    }

    private static void WriteWrapped(TextWriter to, string text, int indent, int startsAt = 0) =>
        WrappedText.Write(to, text, Width, indent, startsAt);
}
