// Where a command writes, and what may be written there: a person's terminal gets colour and a line that moves, a file or
// a build log gets plain lines that fit 80 columns.

using Spectre.Console;

namespace FlowBP.Cli.Output;

/// <summary>The two streams of a command, and the wish to stop.</summary>
/// <param name="output">Results.</param>
/// <param name="error">Progress and failures; what can't be written there is dropped.</param>
/// <param name="stop">Set by Ctrl-C and the like, see <see cref="StopRequest"/>.</param>
/// <param name="suspend">Set before <paramref name="stop"/> where the command is to be gone on with later.</param>
internal sealed class Terminal(
    TextWriter output,
    TextWriter error,
    CancellationToken stop,
    CancellationToken suspend = default
)
{
    private const int PlainWidth = 80;
    private const int NarrowestWidth = 60;
    private const int WidestWidth = 120;

    private readonly Lazy<IAnsiConsole> results = new(() => CreateConsole(output, IsTerminal(output)));
    private IAnsiConsole? progress;

    /// <summary>Receives results.</summary>
    public TextWriter Output => output;

    /// <summary>Receives progress and failures.</summary>
    public TextWriter Error { get; } = new ProgressWriter(error);

    /// <summary>Set when the user wants the command to stop.</summary>
    public CancellationToken Stop => stop;

    /// <summary>Set before <see cref="Stop"/> where the command is to be gone on with later.</summary>
    public CancellationToken Suspend => suspend;

    /// <summary>Tables and colours on <see cref="Output"/>.</summary>
    public IAnsiConsole Results => results.Value;

    /// <summary>The moving line on <see cref="Error"/>.</summary>
    public IAnsiConsole Progress => progress ??= CreateConsole(Error, IsTerminal(error));

    /// <summary>Whether a person watches the progress.</summary>
    public bool IsInteractive => IsTerminal(error);

    private static bool IsTerminal(TextWriter writer) =>
        (
            (ReferenceEquals(writer, Console.Out) && !Console.IsOutputRedirected)
            || (ReferenceEquals(writer, Console.Error) && !Console.IsErrorRedirected)
        ) && Environment.GetEnvironmentVariable("TERM") is not ("dumb" or null or "");

    private static int WidthOf(bool isTerminal)
    {
        // A pseudo-terminal without a window says 0 columns.
        var columns = isTerminal ? Console.WindowWidth : PlainWidth;
        return columns <= 0 ? PlainWidth : Math.Clamp(columns, NarrowestWidth, WidestWidth);
    }

    private static IAnsiConsole CreateConsole(TextWriter writer, bool isTerminal)
    {
        // NO_COLOR counts when it is set to anything but nothing (no-color.org).
        var colour = isTerminal && string.IsNullOrEmpty(Environment.GetEnvironmentVariable("NO_COLOR"));
        var console = AnsiConsole.Create(
            new AnsiConsoleSettings
            {
                Out = new AnsiConsoleOutput(writer),
                Ansi = isTerminal ? AnsiSupport.Yes : AnsiSupport.No,
                ColorSystem = colour ? ColorSystemSupport.Standard : ColorSystemSupport.NoColors,
                Interactive = isTerminal ? InteractionSupport.Yes : InteractionSupport.No,
                Enrichment = new ProfileEnrichment { UseDefaultEnrichers = false },
            }
        );
        console.Profile.Width = WidthOf(isTerminal);
        // Terminals here speak UTF-8; box drawing is not needed for anything that matters.
        console.Profile.Capabilities.Unicode = true;
        return console;
    }
}
