// A tokenizer of one model with the encoder of another gives embeddings that look like any others. Ids beyond the table are
// certainly wrong; a table far larger than the vocabulary is too, since tables are padded by a few rows only.

using FlowBP.Formats;

namespace FlowBP.Models.Tokenizers;

/// <summary>Whether a tokenizer belongs to an encoder.</summary>
internal static class VocabularyCheck
{
    private const double LargestUnusedFraction = 0.05;
    private const int UnusedRows = 256;

    /// <summary>Refuses a vocabulary that does not match the rows of the token embedding.</summary>
    /// <exception cref="CheckpointException">Names both folders and both numbers.</exception>
    public static void Require(string tokenizerFolder, int vocabulary, string encoderFolder, int rows)
    {
        if (vocabulary > rows || rows - vocabulary > UnusedRows + LargestUnusedFraction * rows)
        {
            throw CheckpointException.ForFile(
                tokenizerFolder,
                $"found a vocabulary of {vocabulary} tokens, but the token embedding in {encoderFolder} has {rows} rows: "
                    + "the tokenizer belongs to another encoder"
            );
        }
    }
}
