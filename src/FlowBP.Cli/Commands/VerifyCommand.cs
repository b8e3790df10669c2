// `verify`: repeats recorded fixtures of independent implementations with the code that trains.

using FlowBP.Cli.Failures;
using FlowBP.Cli.Machine;
using FlowBP.Cli.Output;
using FlowBP.Cli.Parsing;
using FlowBP.Cli.Verification;

namespace FlowBP.Cli.Commands;

/// <summary>Runs fixtures.</summary>
internal sealed class VerifyCommand : ICommand
{
    private static readonly IFixtureKind[] s_kinds =
    [
        new MethodFixtures(),
        new NetworkFixtures(),
        new UnsupportedFixtures(),
    ];

    /// <inheritdoc/>
    public string Name => "verify";

    /// <inheritdoc/>
    public string Summary => "repeat recorded fixtures of independent implementations";

    /// <inheritdoc/>
    public Positional? Positional { get; } = new("DIR…", "folders that hold fixtures, at any depth");

    /// <inheritdoc/>
    public IReadOnlyList<string> Examples { get; } = ["flowbp verify ../shared/goldens"];

    /// <inheritdoc/>
    public IReadOnlyList<OptionGroup> Options(string? method) => [];

    /// <inheritdoc/>
    public int Run(CommandArguments arguments, Terminal terminal)
    {
        var sources = arguments.Positionals.SelectMany(Find).ToArray();
        Threads.UseAll();
        List<(string, FixtureRow)> rows = [];
        foreach (var (group, source) in sources)
        {
            terminal.Stop.ThrowIfCancellationRequested();
            rows.AddRange(RunGuarded(source).Select(row => (group, row)));
        }
        FixtureReport.Write(terminal, rows);
        return rows.Any(entry => entry.Item2.Status == FixtureStatus.Failed) ? FailureReport.Failed : 0;
    }

    private static IEnumerable<(string Group, FixtureSource Source)> Find(string folder)
    {
        if (!Directory.Exists(folder))
        {
            throw new FailedException(
                File.Exists(folder)
                    ? $"{folder} is a file; give the folder that holds the fixtures"
                    : $"{folder} does not exist; give a folder that holds fixtures"
            );
        }
        var root = Path.GetFullPath(folder);
        var found = FixtureSearch.Find(root, s_kinds).ToArray();
        if (found.Length == 0)
        {
            throw new FailedException(
                $"{folder} holds no fixtures: no folder with manifest.json, or with meta.json and io.safetensors"
            );
        }
        return found.Select(source => (GroupName(root, source.Path), source));
    }

    // As seen from the folder that was given; that folder itself by its own name.
    private static string GroupName(string root, string path)
    {
        var relative = Path.GetRelativePath(root, path);
        return relative == "." ? Path.GetFileName(Path.TrimEndingDirectorySeparator(root)) : relative;
    }

    // A fixture that can't be read is a failed fixture: the others still run, and the run fails at its end.
    private static IReadOnlyList<FixtureRow> RunGuarded(FixtureSource source)
    {
        try
        {
            return source.Run();
        }
        catch (Exception e) when (e is not (OperationCanceledException or OutOfMemoryException or DllNotFoundException))
        {
            return [FixtureRow.Broken("", FailureReport.Of(e).Line)];
        }
    }
}
