// Commands that the launcher runs itself, before there is a program; the help lists them with the others.

namespace FlowBP.Cli.Commands;

/// <summary>A command of <c>./flowbp</c> that never reaches this program.</summary>
/// <param name="Name">Name, as typed.</param>
/// <param name="Summary">One line.</param>
internal sealed record LauncherCommand(string Name, string Summary)
{
    /// <summary>All of them.</summary>
    public static IReadOnlyList<LauncherCommand> All { get; } =
    [
        new(
            "test",
            "build, run the tests (--filter TEXT: those whose name contains it; --interpreter: those of CUDA kernels)"
        ),
        new("build", "only build native/ and the whole solution"),
        new("setup", "only install what is missing and build native/"),
    ];
}
