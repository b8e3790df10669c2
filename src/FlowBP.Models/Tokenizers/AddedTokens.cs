// Tokens that stand beside a vocabulary and are found in a prompt before anything else happens to it: the specials of a chat
// template, end-of-text, padding. The rules are those of the ecosystem's tokenizers: leftmost first, then longest; a token may
// swallow the white space beside it, or demand to be a word of its own.

using System.Text;

namespace FlowBP.Models.Tokenizers;

/// <summary>One token that is matched as a whole.</summary>
/// <param name="Content">Its text.</param>
/// <param name="Id">Its id.</param>
internal sealed record AddedToken(string Content, int Id)
{
    /// <summary>Whether it only counts where no letter, digit or underscore touches it.</summary>
    public bool SingleWord { get; init; }

    /// <summary>Whether it takes the white space before it.</summary>
    public bool StripsLeft { get; init; }

    /// <summary>Whether it takes the white space after it.</summary>
    public bool StripsRight { get; init; }

    /// <summary>Whether it is looked for in the normalised text instead of the text as given.</summary>
    public bool Normalized { get; init; }
}

/// <summary>A stretch of text, or a token that was found between two of them.</summary>
/// <param name="Text">The stretch; empty for a token.</param>
/// <param name="Id">The token's id; null for a stretch.</param>
internal readonly record struct TextSegment(string Text, int? Id);

/// <summary>Finds added tokens in a text.</summary>
internal sealed class AddedTokens
{
    private readonly AddedToken[] longestFirst;

    public AddedTokens(IEnumerable<AddedToken> tokens)
    {
        longestFirst = [.. tokens.Where(t => t.Content.Length > 0).OrderByDescending(t => t.Content.Length)];
    }

    /// <summary>The largest id; −1 if there are none.</summary>
    public int LargestId => longestFirst.Select(token => token.Id).DefaultIfEmpty(-1).Max();

    /// <summary>The id of a token by its text; null if there is none.</summary>
    public int? Find(string content) => Array.Find(longestFirst, token => token.Content == content)?.Id;

    /// <summary>Cuts a text at its added tokens.</summary>
    /// <param name="text">The text.</param>
    /// <param name="normalized">Whether to look for those that belong to the normalised text, or for the others.</param>
    public IEnumerable<TextSegment> Split(string text, bool normalized)
    {
        AddedToken[] wanted = [.. longestFirst.Where(token => token.Normalized == normalized)];
        var begin = 0;
        var position = 0;
        while (position < text.Length)
        {
            if (Array.Find(wanted, token => IsAt(token, text, position)) is not { } found)
            {
                position++;
                continue;
            }
            var left = position;
            while (found.StripsLeft && left > begin && char.IsWhiteSpace(text[left - 1]))
            {
                left--;
            }
            if (left > begin)
            {
                yield return new TextSegment(text[begin..left], null);
            }
            yield return new TextSegment("", found.Id);
            position += found.Content.Length;
            while (found.StripsRight && position < text.Length && char.IsWhiteSpace(text[position]))
            {
                position++;
            }
            begin = position;
        }
        if (begin < text.Length)
        {
            yield return new TextSegment(text[begin..], null);
        }
    }

    private static bool IsAt(AddedToken token, string text, int position)
    {
        if (string.CompareOrdinal(text, position, token.Content, 0, token.Content.Length) != 0)
        {
            return false;
        }
        var end = position + token.Content.Length;
        return !token.SingleWord
            || (
                (position == 0 || !IsWordCharacter(text, position - 1))
                && (end == text.Length || !IsWordCharacter(text, end))
            );
    }

    private static bool IsWordCharacter(string text, int position)
    {
        var start = position > 0 && char.IsLowSurrogate(text[position]) ? position - 1 : position;
        return text[start] == '_' || (Rune.TryGetRuneAt(text, start, out var rune) && Rune.IsLetterOrDigit(rune));
    }
}
