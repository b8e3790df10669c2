// Progress is one line. On a terminal it stays in place and a spinner moves; in a file it is printed anew every few seconds,
// so that a build log shows that something is happening and still can be read.

using Spectre.Console;

namespace FlowBP.Cli.Output;

/// <summary>The line that says where a command stands.</summary>
internal abstract class ProgressLine
{
    /// <summary>Runs work that reports to a line, which disappears at the end.</summary>
    /// <param name="terminal">Where the line goes.</param>
    /// <param name="work">The work.</param>
    public static T During<T>(Terminal terminal, Func<ProgressLine, T> work)
    {
        if (!terminal.IsInteractive)
        {
            return work(new Repeated(terminal.Error, TimeProvider.System));
        }
        return terminal.Progress.Status().Start("starting", context => work(new Moving(terminal.Progress, context)));
    }

    /// <summary>Shows that a phase begins.</summary>
    public abstract void Begin(string phase);

    /// <summary>Shows where the work stands; replaces what was shown before.</summary>
    /// <param name="text">One line.</param>
    public abstract void Show(string text);

    /// <summary>Prints a line that stays.</summary>
    public abstract void Say(string text);

    private sealed class Moving(IAnsiConsole console, StatusContext context) : ProgressLine
    {
        // The spinner and the space behind it.
        private const int SpinnerColumns = 4;

        public override void Begin(string phase) => Show(phase);

        public override void Show(string text)
        {
            var room = console.Profile.Width - SpinnerColumns;
            context.Status(Markup.Escape(text.Length <= room ? text : text[..room]));
        }

        public override void Say(string text) => console.WriteLine(text);
    }

    /// <summary>Prints the line at most once in a while.</summary>
    /// <param name="writer">Where to.</param>
    /// <param name="time">The clock.</param>
    internal sealed class Repeated(TextWriter writer, TimeProvider time) : ProgressLine
    {
        private static readonly TimeSpan s_interval = TimeSpan.FromSeconds(5);

        private DateTimeOffset? shown;

        /// <inheritdoc/>
        public override void Begin(string phase)
        {
            Say(phase);
            shown = null;
        }

        /// <inheritdoc/>
        public override void Show(string text)
        {
            var now = time.GetUtcNow();
            if (shown is null || now - shown >= s_interval)
            {
                shown = now;
                Say(text);
            }
        }

        /// <inheritdoc/>
        public override void Say(string text)
        {
            writer.WriteLine(text);
            writer.Flush();
        }
    }
}
