// What every reader of a stranger's file owes: a value, or one line that names the file. In time, within memory, and without an exception
// that tells of the reader's own insides. Breaches are collected by where they happen, so that one run shows all kinds at once.

using System.Diagnostics;
using NUnit.Framework.Internal;

namespace FlowBP.Tests.Fuzzing;

/// <summary>Runs cases and holds a reader to the law.</summary>
/// <param name="named">What a refusal names: the file, or the folder that it is in.</param>
/// <param name="refusals">The exceptions by which this reader refuses.</param>
internal sealed class ReaderLaw(string named, params Type[] refusals)
{
    private const int LongestMessage = 4000;
    private const int NamedBreaches = 12;
    private const long FreeBytes = 32L << 20;
    private const long BytesPerByte = 64;

    private static readonly TimeSpan Longest = TimeSpan.FromSeconds(5);

    private readonly Dictionary<string, (int Count, string First)> breaches = new(StringComparer.Ordinal);
    private readonly HashSet<string> messages = new(StringComparer.Ordinal);

    /// <summary>Cases that gave a value.</summary>
    public int Read { get; private set; }

    /// <summary>Cases that were refused.</summary>
    public int Refused { get; private set; }

    /// <summary>Runs one case.</summary>
    /// <param name="number">Its number.</param>
    /// <param name="bytes">Length of all that it reads.</param>
    /// <param name="read">Reads; what is wrong with a value that was read it says by an assertion.</param>
    public void Require(int number, long bytes, Action read)
    {
        var before = GC.GetAllocatedBytesForCurrentThread();
        var clock = Stopwatch.StartNew();
        try
        {
            // An assertion that fails is a breach among others, and not the test's own.
            using var isolated = new TestExecutionContext.IsolatedContext();
            read();
            Read++;
        }
        catch (Exception e) when (refusals.Contains(e.GetType()))
        {
            Refused++;
            Judge(number, e);
        }
        catch (Exception e)
        {
            Note($"{e.GetType().Name} in {Where(e)}", $"case {number}: {e}");
        }
        if (clock.Elapsed > Longest)
        {
            Note("a case of more than 5 s", $"case {number}: {clock.Elapsed.TotalSeconds:F1} s");
        }
        var allocated = GC.GetAllocatedBytesForCurrentThread() - before;
        if (allocated > FreeBytes + BytesPerByte * bytes)
        {
            Note("too much memory", $"case {number}: {allocated} bytes for {bytes} bytes of files");
        }
    }

    /// <summary>Fails if the law was broken, or if the cases were all read or all refused: then they miss the reader.</summary>
    public void RequireKept()
    {
        TestContext.Out.WriteLine($"{Read} read, {Refused} refused for {messages.Count} reasons");
        if (breaches.Count > 0)
        {
            var lines = breaches
                .OrderByDescending(pair => pair.Value.Count)
                .Take(NamedBreaches)
                .Select(pair => $"{pair.Value.Count} × {pair.Key}\n    {pair.Value.First}");
            Assert.Fail($"{breaches.Count} kinds of breaches:\n{string.Join('\n', lines)}");
        }
        Assert.That(Read, Is.Positive, "no case was read");
        Assert.That(Refused, Is.Positive, "no case was refused");
    }

    private void Judge(int number, Exception refusal)
    {
        var message = refusal.Message;
        messages.Add(Kind(message));
        if (!message.Contains(named, StringComparison.Ordinal))
        {
            Note("a message without the file: " + Kind(message), $"case {number}: {Start(refusal.ToString())}");
        }
        if (message.Any(char.IsControl))
        {
            Note("a message with control characters: " + Kind(message), $"case {number}: {Start(refusal.ToString())}");
        }
        if (message.Length > LongestMessage)
        {
            Note(
                "a message that a file filled: " + Where(refusal),
                $"case {number}: {message.Length} characters: {message[..300]}"
            );
        }
    }

    private void Note(string kind, string text)
    {
        var (count, first) = breaches.GetValueOrDefault(kind, (0, text.Length > 1200 ? text[..1200] : text));
        breaches[kind] = (count + 1, first);
    }

    private string Kind(string message)
    {
        var text = named.Length == 0 ? message : message.Replace(named, "", StringComparison.Ordinal);
        return new string([.. text.Where(c => c is (>= 'a' and <= 'z') or ' ')])[..Math.Min(40, CountOf(text))];
    }

    private static int CountOf(string text) => text.Count(c => c is (>= 'a' and <= 'z') or ' ');

    private static string Start(string text) => text.Length > 1500 ? text[..1500] + " …" : text;

    private static string Where(Exception e) =>
        (e.StackTrace ?? "")
            .Split('\n')
            .Select(line => line.Trim())
            .FirstOrDefault(line => line.StartsWith("at FlowBP", StringComparison.Ordinal) && !line.Contains("Tests"))
            ?.Split(" in ")[0]
        ?? "?";
}
