using System.Text;
using FlowBP.Cli.Output;
using Spectre.Console;

namespace FlowBP.Cli.Tests;

/// <summary>A place for messages that takes none ends no run and hides no exit code.</summary>
public class ProgressWriterTests
{
    // As /dev/full, a terminal that is gone, and a stream that was closed.
    private static readonly Exception[] Failures =
    [
        new IOException("No space left on device"),
        new UnauthorizedAccessException("Access to the path is denied"),
        new ObjectDisposedException("stream"),
    ];

    [TestCaseSource(nameof(Failures))]
    public void What_can_not_be_written_is_dropped(Exception failure)
    {
        using var broken = new BrokenWriter(failure);
        using var writer = new ProgressWriter(broken);
        Assert.That(
            () =>
            {
                writer.Write('a');
                writer.Write("text");
                writer.Write(['a', 'b'], 0, 2);
                writer.WriteLine();
                writer.WriteLine("line");
                writer.WriteLine(new InvalidOperationException("with its trace"));
                writer.Flush();
            },
            Throws.Nothing
        );
        Assert.That(broken.Attempts, Is.GreaterThanOrEqualTo(7));
    }

    [Test]
    public void A_mistake_of_the_program_is_not_hidden()
    {
        using var broken = new BrokenWriter(new InvalidOperationException("a mistake"));
        using var writer = new ProgressWriter(broken);
        Assert.That(() => writer.WriteLine("line"), Throws.InvalidOperationException);
    }

    [Test]
    public void What_can_be_written_arrives_unchanged()
    {
        using var text = new StringWriter();
        using var writer = new ProgressWriter(text);
        writer.Write('a');
        writer.Write("b");
        writer.Write(['x', 'c', 'x'], 1, 1);
        writer.WriteLine();
        writer.WriteLine("d");
        Assert.That(text.ToString(), Is.EqualTo("abc\nd\n"));
        Assert.That(writer.Encoding, Is.EqualTo(text.Encoding));
    }

    [Test]
    public void Every_way_to_the_terminals_error_stream_survives_a_full_disk()
    {
        using var broken = new BrokenWriter(new IOException("No space left on device"));
        var terminal = new Terminal(TextWriter.Null, broken, CancellationToken.None);
        var result = ProgressLine.During(
            terminal,
            line =>
            {
                line.Begin("training");
                line.Show("1/3");
                line.Say("note: a word");
                return 7;
            }
        );
        terminal.Progress.WriteLine("moving");
        Assert.That(result, Is.EqualTo(7));
        Assert.That(broken.Attempts, Is.GreaterThanOrEqualTo(4));
    }

    [TestCase("align --no_such_option 1", 2)]
    [TestCase("align --reward /no/such --prompts /no/such/prompts.txt", 1)]
    public void The_exit_code_is_the_same_where_the_message_can_not_be_written(string line, int expected)
    {
        using var broken = new BrokenWriter(new IOException("No space left on device"));
        var code = Cli.Run(line.Split(' '), TextWriter.Null, broken);
        Assert.That(code, Is.EqualTo(expected));
        Assert.That(broken.Attempts, Is.GreaterThan(0));
    }

    private sealed class BrokenWriter(Exception failure) : TextWriter
    {
        public int Attempts { get; private set; }

        public override Encoding Encoding => Encoding.UTF8;

        public override void Write(char value)
        {
            Attempts++;
            throw failure;
        }

        public override void Flush()
        {
            Attempts++;
            throw failure;
        }
    }
}
