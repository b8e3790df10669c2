// T5's tokenizer: text is normalised, cut at white space, every word gets a mark where its space was, and a unigram model
// cuts the words. It exists in two forms that describe the same thing: tokenizer.json, which spells the steps out, and
// spiece.model, which has them compiled in.

using FlowBP.Formats;

namespace FlowBP.Models.Tokenizers;

/// <summary>Prompts to token ids, as T5 encoders were trained.</summary>
public sealed class T5Tokenizer
{
    /// <summary>Last token of every prompt.</summary>
    public const string EndOfText = "</s>";

    private const string Padding = "<pad>";

    private readonly AddedTokens added;
    private readonly T5Pretokenization pretokenization;
    private readonly UnigramModel model;
    private readonly int[] before;
    private readonly int[] after;

    internal T5Tokenizer(
        string file,
        AddedTokens added,
        T5Pretokenization pretokenization,
        UnigramModel model,
        int[] before,
        int[] after,
        int pieces
    )
    {
        this.added = added;
        this.pretokenization = pretokenization;
        this.model = model;
        this.before = before;
        this.after = after;
        PadId = added.Find(Padding) ?? throw CheckpointException.ForFile(file, $"found no token '{Padding}'");
        EndId = added.Find(EndOfText) ?? throw CheckpointException.ForFile(file, $"found no token '{EndOfText}'");
        VocabularySize = Math.Max(pieces, added.LargestId + 1);
    }

    /// <summary>Number of token ids.</summary>
    public int VocabularySize { get; }

    /// <summary>Id of <see cref="EndOfText"/>.</summary>
    public int EndId { get; }

    /// <summary>Id that fills a prompt up to a length.</summary>
    public int PadId { get; }

    /// <summary>Reads a tokenizer folder: <c>tokenizer.json</c> if it is there, <c>spiece.model</c> otherwise.</summary>
    /// <exception cref="CheckpointException">A file is missing or damaged, or asks for what is not implemented.</exception>
    public static T5Tokenizer FromFolder(string folder)
    {
        var json = Path.Combine(folder, "tokenizer.json");
        var model = Path.Combine(folder, "spiece.model");
        return File.Exists(json) ? FromJson(json)
            : File.Exists(model) ? FromSentencePiece(model)
            : throw CheckpointException.ForFile(folder, "found neither tokenizer.json nor spiece.model");
    }

    /// <summary>Reads a <c>tokenizer.json</c>.</summary>
    /// <exception cref="CheckpointException">The file is missing or damaged, or asks for what is not implemented.</exception>
    public static T5Tokenizer FromJson(string file) => T5TokenizerFiles.FromJson(file);

    /// <summary>Reads a SentencePiece model.</summary>
    /// <param name="file">The model, usually <c>spiece.model</c>.</param>
    /// <param name="sentinels">
    /// How many <c>&lt;extra_id_…&gt;</c> tokens follow the model's pieces, the last first.
    /// </param>
    /// <exception cref="CheckpointException">The file is missing or damaged, or is not T5's kind of model.</exception>
    public static T5Tokenizer FromSentencePiece(string file, int sentinels = 100) =>
        T5TokenizerFiles.FromSentencePiece(file, sentinels);

    /// <summary>The ids of a prompt with its end token, without padding or truncation.</summary>
    public int[] Encode(string prompt)
    {
        List<int> ids = [.. before];
        var first = true;
        foreach (var segment in added.Split(prompt, normalized: false))
        {
            if (segment.Id is { } id)
            {
                ids.Add(id);
            }
            else
            {
                EncodeText(segment.Text, first, ids);
            }
            first = false;
        }
        ids.AddRange(after);
        return [.. ids];
    }

    /// <summary>Number of tokens of a prompt with its end, before any truncation.</summary>
    public int CountTokens(string prompt) => Encode(prompt).Length;

    /// <summary>Exactly so many ids: a shorter prompt is padded, a longer one loses its tail but not its end token.</summary>
    /// <param name="prompt">The prompt.</param>
    /// <param name="length">Tokens, at least one more than the end token takes.</param>
    public long[] Tokenize(string prompt, int length)
    {
        ArgumentOutOfRangeException.ThrowIfLessThanOrEqual(length, after.Length);
        var ids = Encode(prompt);
        var row = new long[length];
        Array.Fill(row, PadId);
        var kept = Math.Min(ids.Length, length) - after.Length;
        for (var i = 0; i < kept; i++)
        {
            row[i] = ids[i];
        }
        for (var i = 0; i < after.Length; i++)
        {
            row[kept + i] = after[i];
        }
        return row;
    }

    /// <summary>Token ids of a batch of prompts.</summary>
    /// <param name="prompts">The prompts.</param>
    /// <param name="length">Tokens per prompt.</param>
    /// <returns>[prompts, length], int64.</returns>
    public Tensor Tokenize(IReadOnlyCollection<string> prompts, int length)
    {
        long[] rows = [.. prompts.SelectMany(prompt => Tokenize(prompt, length))];
        return torch.tensor(rows).reshape(prompts.Count, length);
    }

    private void EncodeText(string text, bool first, List<int> ids)
    {
        foreach (var segment in added.Split(pretokenization.Normalize(text), normalized: true))
        {
            if (segment.Id is { } id)
            {
                ids.Add(id);
                first = false;
                continue;
            }
            foreach (var word in pretokenization.Words(segment.Text, first))
            {
                model.Encode(word, ids);
                first = false;
            }
        }
    }
}
