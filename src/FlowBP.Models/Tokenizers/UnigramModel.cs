// SentencePiece's unigram model: of all ways to cut a word into pieces, the one with the largest sum of log-probabilities,
// found by Viterbi's algorithm. A character that no piece covers costs more than any piece and becomes "unknown"; unknown
// characters in a row are one token.

using System.Text;

namespace FlowBP.Models.Tokenizers;

/// <summary>Cuts words into the pieces of a vocabulary.</summary>
internal sealed class UnigramModel
{
    private const double UnknownPenalty = 10;

    private readonly Dictionary<string, (int Id, double Score)> pieces;
    private readonly int longest;
    private readonly int unknownId;
    private readonly double unknownScore;

    /// <summary>Builds the model.</summary>
    /// <param name="pieces">Pieces that may be used, with id and log-probability.</param>
    /// <param name="unknownId">Id of what no piece covers.</param>
    /// <param name="lowestScore">The smallest log-probability of the whole vocabulary.</param>
    public UnigramModel(IReadOnlyDictionary<string, (int Id, double Score)> pieces, int unknownId, double lowestScore)
    {
        this.pieces = new Dictionary<string, (int, double)>(pieces, StringComparer.Ordinal);
        this.unknownId = unknownId;
        unknownScore = lowestScore - UnknownPenalty;
        longest = pieces.Keys.Select(piece => piece.Length).DefaultIfEmpty(0).Max();
    }

    /// <summary>Appends the ids of a word.</summary>
    public void Encode(string word, List<int> ids)
    {
        var lookup = pieces.GetAlternateLookup<ReadOnlySpan<char>>();
        var best = new (double Score, int Start, int Id)[word.Length + 1];
        Array.Fill(best, (double.NegativeInfinity, -1, -1));
        best[0] = (0, 0, -1);
        for (var start = 0; start < word.Length; )
        {
            var character = Rune.TryGetRuneAt(word, start, out var rune) ? rune.Utf16SequenceLength : 1;
            var covered = false;
            var limit = Math.Min(longest, word.Length - start);
            for (var length = 1; length <= limit; length++)
            {
                if (lookup.TryGetValue(word.AsSpan(start, length), out var piece))
                {
                    Offer(start, length, piece.Score, piece.Id);
                    covered |= length == character;
                }
            }
            if (!covered)
            {
                Offer(start, character, unknownScore, unknownId);
            }
            start += character;
        }
        var first = ids.Count;
        for (var end = word.Length; end > 0; end = best[end].Start)
        {
            var repeatsUnknown = best[end].Id == unknownId && ids.Count > first && ids[^1] == unknownId;
            if (!repeatsUnknown)
            {
                ids.Add(best[end].Id);
            }
        }
        ids.Reverse(first, ids.Count - first);

        // Of equally probable ways the first found is kept: the one whose last piece begins earliest.
        void Offer(int start, int length, double score, int id)
        {
            var sum = best[start].Score + score;
            if (best[start + length].Start < 0 || sum > best[start + length].Score)
            {
                best[start + length] = (sum, start, id);
            }
        }
    }
}
