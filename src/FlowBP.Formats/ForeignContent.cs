// What lies where a file of weights or a configuration was expected, when a download went wrong: the pointer that Git LFS leaves
// in place of a file, the page of a login or an error, a line such as "Entry not found", a file of another program's format.
// Each has a first few bytes of its own, and saying what it is saves an evening.

using System.Text;

namespace FlowBP.Formats;

/// <summary>Recognises files that are not what their name says.</summary>
internal static class ForeignContent
{
    /// <summary>Bytes from the beginning of a file that are enough to know it by.</summary>
    public const int LookedAt = 512;

    private const int LongestNote = 400;
    private const int QuotedCharacters = 80;

    /// <summary>What a file is, if it is something else than weights; null: nothing that is known here.</summary>
    /// <param name="start">The first <see cref="LookedAt"/> bytes, or all of a shorter file.</param>
    /// <param name="length">Bytes in the file.</param>
    public static string? OfWeights(ReadOnlySpan<byte> start, long length) =>
        OfAny(start)
        ?? (
            start.StartsWith("GGUF"u8)
                ? "is a GGUF file (quantized weights of llama.cpp and ComfyUI-GGUF)"
                    + ", which is not read here: take the weights in safetensors"
            : length <= LongestNote && IsText(start)
                ? $"is a text ('{Quoted(start)}'), not weights: fetch the file again"
            : null
        );

    /// <summary>What a file is, if it is something else than a configuration or a vocabulary; null: nothing known.</summary>
    /// <param name="start">The first bytes.</param>
    public static string? OfAny(ReadOnlySpan<byte> start)
    {
        if (start.StartsWith("version https://git-lfs.github.com/"u8))
        {
            return "is a Git LFS pointer, three lines that stand for a file which was not fetched:"
                + " run git lfs pull in its repository, or fetch the file itself";
        }
        // As one byte per character, a byte order mark is these three.
        var head = Encoding.Latin1.GetString(start[..Math.Min(start.Length, 64)]);
        head = head.TrimStart('\u00EF', '\u00BB', '\u00BF').TrimStart().ToLowerInvariant();
        return
            head.StartsWith("<!doctype", StringComparison.Ordinal)
            || head.StartsWith("<html", StringComparison.Ordinal)
            || head.StartsWith("<head", StringComparison.Ordinal)
            || head.StartsWith("<?xml", StringComparison.Ordinal)
            ? "is a web page (HTML), as a login or an error leaves it in place of a download: fetch the file again"
            : null;
    }

    /// <summary>Refuses a text that is a pointer or a page instead of a configuration or a vocabulary.</summary>
    /// <param name="file">Names it in the message.</param>
    /// <param name="text">Its content.</param>
    /// <exception cref="CheckpointException">It is.</exception>
    public static void Refuse(string file, string text)
    {
        var start = text.Length > LookedAt ? text[..LookedAt] : text;
        if (OfAny(Encoding.UTF8.GetBytes(start)) is { } what)
        {
            throw CheckpointException.ForFile(file, what);
        }
    }

    private static bool IsText(ReadOnlySpan<byte> bytes)
    {
        foreach (var value in bytes)
        {
            if (value is (< 0x20 or >= 0x7F) and not ((byte)'\n' or (byte)'\r' or (byte)'\t'))
            {
                return false;
            }
        }
        return !bytes.IsEmpty;
    }

    private static string Quoted(ReadOnlySpan<byte> bytes)
    {
        var text = Encoding.ASCII.GetString(bytes).Trim().ReplaceLineEndings(" ");
        return text.Length > QuotedCharacters ? text[..QuotedCharacters] + "…" : text;
    }
}
