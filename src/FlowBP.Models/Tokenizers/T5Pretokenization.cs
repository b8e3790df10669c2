// What happens to a text before the unigram model sees it: steps that rewrite it, then the cut into words, each with a mark
// in place of the space before it.

using FlowBP.Formats;

namespace FlowBP.Models.Tokenizers;

/// <summary>Whether the first word of a text gets a mark although no space is before it.</summary>
internal enum FirstMark
{
    Always,
    AtStartOfPrompt,
    Never,
}

/// <summary>Normalises texts and cuts them into marked words.</summary>
internal sealed record T5Pretokenization
{
    /// <summary>SentencePiece's stand-in for a space, U+2581.</summary>
    public const string DefaultMark = "\u2581";

    // A ligature of Arabic becomes eighteen letters; nothing becomes more.
    private const int MostGrowth = 32;
    private const int FreeGrowth = 1000;

    /// <summary>The tokenizer's file, for messages.</summary>
    public required string File { get; init; }

    /// <summary>Rewrites the text, in this order.</summary>
    public required IReadOnlyList<Func<string, string>> Rewrites { get; init; }

    /// <summary>Whether white space separates words and is dropped; otherwise only spaces count, as marks.</summary>
    public bool SplitsAtWhiteSpace { get; init; } = true;

    /// <summary>Stands for a space.</summary>
    public string Mark { get; init; } = DefaultMark;

    /// <summary>Whether a word without a space before it gets a mark.</summary>
    public FirstMark First { get; init; } = FirstMark.Always;

    /// <summary>Whether a mark begins a new word.</summary>
    public bool SplitsAtMarks { get; init; } = true;

    /// <summary>The text after all rewrites.</summary>
    /// <exception cref="CheckpointException">
    /// It grows as no text does: twenty rewrites of a letter to ten would fill the memory.
    /// </exception>
    public string Normalize(string text)
    {
        var most = FreeGrowth + (long)MostGrowth * text.Length;
        foreach (var rewrite in Rewrites)
        {
            text = rewrite(text);
            if (text.Length > most)
            {
                throw CheckpointException.ForFile(
                    File,
                    $"its normalisation makes {text.Length} characters of a prompt, expected at most {most}"
                );
            }
        }
        return text;
    }

    /// <summary>The marked words of a normalised text.</summary>
    /// <param name="text">The text.</param>
    /// <param name="startsPrompt">Whether nothing of the prompt is before it.</param>
    public IEnumerable<string> Words(string text, bool startsPrompt)
    {
        IEnumerable<string> stretches = SplitsAtWhiteSpace
            ? text.Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries)
            : [text];
        foreach (var stretch in stretches)
        {
            var marked = stretch.Replace(" ", Mark);
            var wantsMark = First == FirstMark.Always || (First == FirstMark.AtStartOfPrompt && startsPrompt);
            if (wantsMark && !marked.StartsWith(Mark, StringComparison.Ordinal))
            {
                marked = Mark + marked;
            }
            startsPrompt = false;
            foreach (var word in SplitsAtMarks ? AtMarks(marked) : [marked])
            {
                yield return word;
            }
        }
    }

    // Every mark begins a word.
    private IEnumerable<string> AtMarks(string text)
    {
        var begin = 0;
        while (begin < text.Length)
        {
            var next = text.IndexOf(Mark, begin + 1, StringComparison.Ordinal);
            var end = next < 0 ? text.Length : next;
            yield return text[begin..end];
            begin = end;
        }
    }
}
