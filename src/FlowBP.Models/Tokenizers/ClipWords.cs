// How CLIP tokenizers cut a cleaned prompt: contractions, runs of letters, single digits, runs of anything else that is
// not white space. Written over Unicode scalar values, because letters beyond the basic plane are letters too and .NET's
// regular expressions see them as two surrogates.

namespace FlowBP.Models.Tokenizers;

internal static class ClipWords
{
    private static readonly string[] Contractions = ["'s", "'t", "'re", "'ve", "'m", "'ll", "'d"];

    /// <summary>The words of a cleaned prompt, in order.</summary>
    /// <param name="text">Lower-cased text.</param>
    /// <param name="specials">Strings that stand for themselves wherever a word could begin.</param>
    public static IEnumerable<string> Split(string text, IReadOnlyCollection<string> specials)
    {
        var position = 0;
        while (position < text.Length)
        {
            var length = LengthAt(text, position, specials);
            if (length > 0)
            {
                yield return text.Substring(position, length);
            }
            position += Math.Max(length, 1);
        }
    }

    private static int LengthAt(string text, int position, IReadOnlyCollection<string> specials)
    {
        foreach (var fixedWord in specials.Concat(Contractions))
        {
            if (string.CompareOrdinal(text, position, fixedWord, 0, fixedWord.Length) == 0)
            {
                return fixedWord.Length;
            }
        }
        var kind = RuneKinds.At(text, position, out var length);
        if (kind is RuneKind.Space or RuneKind.Break)
        {
            return 0;
        }
        var end = position + length;
        while (kind is not RuneKind.Number && end < text.Length && RuneKinds.At(text, end, out length) == kind)
        {
            end += length;
        }
        return end - position;
    }
}
