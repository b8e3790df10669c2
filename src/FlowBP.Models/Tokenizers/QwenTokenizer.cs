// Qwen's tokenizer: byte-level byte pair encoding of composed text, with the chat template's markers as tokens of their own.
// FLUX.2-Klein sees a prompt as the only message of a chat whose answer is about to begin, its thinking already over.

using FlowBP.Formats;

namespace FlowBP.Models.Tokenizers;

/// <summary>Prompts to token ids, as Qwen3 language models were trained.</summary>
public sealed class QwenTokenizer
{
    private readonly AddedTokens added;
    private readonly Dictionary<string, int> ids;
    private readonly BytePairEncoding encoding;

    internal QwenTokenizer(
        string file,
        Dictionary<string, int> ids,
        IEnumerable<(string, string)> merges,
        IReadOnlyCollection<AddedToken> addedTokens,
        string padToken
    )
    {
        this.ids = ids;
        (string First, string Second)[] pairs = [.. merges];
        encoding = new BytePairEncoding(pairs, wordEnd: "");
        added = new AddedTokens(addedTokens);
        foreach (var character in BytePairEncoding.Alphabet)
        {
            if (!ids.ContainsKey(character))
            {
                throw CheckpointException.ForFile(
                    file,
                    $"found no piece '{character}', expected one for each of 256 bytes"
                );
            }
        }
        if (
            Array.Find(pairs, pair => !ids.ContainsKey(pair.First + pair.Second)) is
            { First: { } one, Second: var other }
        )
        {
            throw CheckpointException.ForFile(
                file,
                $"found the merge '{CheckpointException.Shorten($"{one} {other}")}', expected a piece of the vocabulary to come of it"
            );
        }
        foreach (var marker in new[] { "<|im_start|>", "<|im_end|>" })
        {
            if (added.Find(marker) is null)
            {
                throw CheckpointException.ForFile(
                    file,
                    $"found no token '{marker}', expected the chat template's markers"
                );
            }
        }
        PadId =
            added.Find(padToken)
            ?? throw CheckpointException.ForFile(file, $"found no token '{padToken}', expected the padding");
        VocabularySize = Math.Max(ids.Values.Max(), added.LargestId) + 1;
    }

    /// <summary>Number of token ids.</summary>
    public int VocabularySize { get; }

    /// <summary>Id that fills a prompt up to a length.</summary>
    public int PadId { get; }

    /// <summary>
    /// Reads a tokenizer folder: <c>tokenizer.json</c> if it is there, <c>vocab.json</c>, <c>merges.txt</c> and the added
    /// tokens of <c>tokenizer_config.json</c> or <c>added_tokens.json</c> otherwise.
    /// </summary>
    /// <exception cref="CheckpointException">A file is missing or damaged, or asks for what is not implemented.</exception>
    public static QwenTokenizer FromFolder(string folder) => QwenTokenizerFiles.FromFolder(folder);

    /// <summary>Reads a <c>tokenizer.json</c>.</summary>
    /// <exception cref="CheckpointException">The file is missing or damaged, or asks for what is not implemented.</exception>
    public static QwenTokenizer FromJson(string file) => QwenTokenizerFiles.FromJson(file, padToken: null);

    /// <summary>A prompt as the one message of a chat, the answer begun and an empty thought behind it.</summary>
    public static string Chat(string prompt) =>
        $"<|im_start|>user\n{prompt}<|im_end|>\n<|im_start|>assistant\n<think>\n\n</think>\n\n";

    /// <summary>The ids of a text, nothing added.</summary>
    public int[] Encode(string text)
    {
        var result = new List<int>();
        foreach (var given in added.Split(text, normalized: false))
        {
            if (given.Id is { } id)
            {
                result.Add(id);
                continue;
            }
            foreach (var composed in added.Split(UnicodeComposition.Compose(given.Text), normalized: true))
            {
                if (composed.Id is { } normalizedId)
                {
                    result.Add(normalizedId);
                    continue;
                }
                foreach (var word in QwenWords.Split(composed.Text))
                {
                    result.AddRange(encoding.Split(word).Select(piece => ids[piece]));
                }
            }
        }
        return [.. result];
    }

    /// <summary>Number of tokens of a prompt in its chat, before any truncation.</summary>
    public int CountTokens(string prompt) => Encode(Chat(prompt)).Length;

    /// <summary>
    /// Ids and mask of a batch of prompts, each in its chat: padded at the end, a longer one loses its tail, the chat's
    /// included.
    /// </summary>
    /// <param name="prompts">The prompts.</param>
    /// <param name="length">Tokens per prompt.</param>
    /// <returns>Both [prompts, length], int64; the mask is 1 at tokens and 0 at padding.</returns>
    public (Tensor Ids_BL, Tensor Mask_BL) TokenizeChats(IReadOnlyCollection<string> prompts, int length)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(length, 1);
        var tokens = new long[prompts.Count * length];
        var mask = new long[prompts.Count * length];
        Array.Fill(tokens, PadId);
        var row = 0;
        foreach (var prompt in prompts)
        {
            var encoded = Encode(Chat(prompt));
            for (var i = 0; i < Math.Min(encoded.Length, length); i++)
            {
                tokens[row + i] = encoded[i];
                mask[row + i] = 1;
            }
            row += length;
        }
        return (torch.tensor(tokens).reshape(prompts.Count, length), torch.tensor(mask).reshape(prompts.Count, length));
    }
}
