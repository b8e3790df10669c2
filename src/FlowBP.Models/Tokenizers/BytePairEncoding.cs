// Byte-level byte pair encoding: a word's UTF-8 bytes, written as printable characters, are merged pair by pair, always the
// pair that was merged earliest in training. CLIP marks the last byte as the word's end; Qwen's words begin with their space
// and need no mark.

using System.Collections.Concurrent;
using System.Text;

namespace FlowBP.Models.Tokenizers;

internal sealed class BytePairEncoding
{
    /// <summary>Marks the last piece of a word.</summary>
    public const string WordEnd = "</w>";

    private static readonly char[] Printable = PrintableBytes();

    private readonly Dictionary<(string, string), int> ranks;
    private readonly string wordEnd;
    private readonly ConcurrentDictionary<string, string[]> cache = new(StringComparer.Ordinal);

    /// <summary>Builds the encoding.</summary>
    /// <param name="merges">Pairs in the order of training; a repeated pair counts where it comes last.</param>
    /// <param name="wordEnd">What marks the last piece of a word; empty for none.</param>
    public BytePairEncoding(IEnumerable<(string, string)> merges, string wordEnd = WordEnd)
    {
        this.wordEnd = wordEnd;
        ranks = [];
        var rank = 0;
        foreach (var pair in merges)
        {
            ranks[pair] = rank++;
        }
    }

    /// <summary>The 256 one-byte pieces, in the order in which CLIP's vocabulary numbers them.</summary>
    public static IEnumerable<string> Alphabet =>
        Enumerable
            .Range(0, 256)
            .OrderBy(b => Printable[b] == (char)b ? 0 : 1)
            .ThenBy(b => b)
            .Select(b => Printable[b].ToString());

    /// <summary>The pieces of one word.</summary>
    /// <param name="word">A non-empty word as the pre-tokenizer cuts it.</param>
    public string[] Split(string word) =>
        cache.GetOrAdd(word, static (w, self) => self.Merge(Characters(w, self.wordEnd)), this);

    /// <summary>A word's bytes as printable characters, the last one marked as CLIP marks it.</summary>
    public static List<string> Characters(string word) => Characters(word, WordEnd);

    private static List<string> Characters(string word, string wordEnd)
    {
        List<string> pieces = [.. Encoding.UTF8.GetBytes(word).Select(b => Printable[b].ToString())];
        pieces[^1] += wordEnd;
        return pieces;
    }

    private string[] Merge(List<string> pieces)
    {
        while (pieces.Count > 1)
        {
            (string, string)? best = null;
            var bestRank = int.MaxValue;
            for (var i = 0; i + 1 < pieces.Count; i++)
            {
                if (ranks.TryGetValue((pieces[i], pieces[i + 1]), out var rank) && rank < bestRank)
                {
                    (best, bestRank) = ((pieces[i], pieces[i + 1]), rank);
                }
            }
            if (best is not { } pair)
            {
                break;
            }
            // In place and in one pass: a word of a hundred thousand letters is rare, and must not stop a run.
            var kept = 0;
            for (var i = 0; i < pieces.Count; i++)
            {
                var merges = i + 1 < pieces.Count && pieces[i] == pair.Item1 && pieces[i + 1] == pair.Item2;
                pieces[kept++] = merges ? pieces[i] + pieces[++i] : pieces[i];
            }
            pieces.RemoveRange(kept, pieces.Count - kept);
        }
        return [.. pieces];
    }

    // Bytes that are printable in Latin-1 stand for themselves, the others for characters from U+0100 on.
    private static char[] PrintableBytes()
    {
        var map = new char[256];
        var next = (char)256;
        for (var b = 0; b < 256; b++)
        {
            var printable = b is (>= '!' and <= '~') or (>= 0xA1 and <= 0xAC) or (>= 0xAE and <= 0xFF);
            map[b] = printable ? (char)b : next++;
        }
        return map;
    }
}
