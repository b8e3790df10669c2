// CLIP's tokenizer in both of its forms. They share vocabulary and merges and differ in cleaning (PromptCleaning), in which
// strings in a prompt count as special tokens, and in padding.

using FlowBP.Formats;

namespace FlowBP.Models.Tokenizers;

/// <summary>Prompts to token ids, as the CLIP text towers were trained.</summary>
public sealed class ClipTokenizer
{
    /// <summary>First token of every prompt.</summary>
    public const string StartOfText = "<|startoftext|>";

    /// <summary>Last token of every prompt; its position is where text towers pool.</summary>
    public const string EndOfText = "<|endoftext|>";

    internal const int DefaultLength = 77;

    private readonly BytePairEncoding encoding;
    private readonly Dictionary<string, int> ids;
    private readonly Dictionary<string, int> specials;
    private readonly bool webCleaning;

    private ClipTokenizer(
        Dictionary<string, int> ids,
        IEnumerable<(string, string)> merges,
        int maxLength,
        int padId,
        bool openClip
    )
    {
        this.ids = ids;
        encoding = new BytePairEncoding(merges);
        MaxLength = maxLength;
        PadId = padId;
        webCleaning = openClip;
        VocabularySize = ids.Values.Max() + 1;
        // open_clip's special strings are spelt differently from its own vocabulary entries.
        specials = new Dictionary<string, int>(StringComparer.Ordinal)
        {
            [openClip ? "<start_of_text>" : StartOfText] = StartId,
            [openClip ? "<end_of_text>" : EndOfText] = EndId,
        };
    }

    /// <summary>Tokens per prompt, start and end included.</summary>
    public int MaxLength { get; }

    /// <summary>Number of token ids.</summary>
    public int VocabularySize { get; }

    /// <summary>Id of <see cref="StartOfText"/>.</summary>
    public int StartId => ids[StartOfText];

    /// <summary>Id of <see cref="EndOfText"/>.</summary>
    public int EndId => ids[EndOfText];

    /// <summary>Id that fills a prompt up to <see cref="MaxLength"/>.</summary>
    public int PadId { get; }

    /// <summary>
    /// Reads a tokenizer folder: <c>vocab.json</c> and <c>merges.txt</c>, or <c>tokenizer.json</c> where they are not there;
    /// <c>tokenizer_config.json</c> either way.
    /// </summary>
    /// <exception cref="CheckpointException">A file is missing or damaged.</exception>
    public static ClipTokenizer FromFolder(string folder)
    {
        var vocabularyFile = Path.Combine(folder, "vocab.json");
        var json = Path.Combine(folder, "tokenizer.json");
        if (!File.Exists(vocabularyFile) && File.Exists(json))
        {
            vocabularyFile = json;
        }
        var (ids, merges) =
            vocabularyFile == json
                ? ClipTokenizerJson.Read(json)
                : (
                    ClipTokenizerFiles.ReadVocabulary(vocabularyFile),
                    ClipTokenizerFiles.ReadMerges(Path.Combine(folder, "merges.txt"))
                );
        foreach (var special in new[] { StartOfText, EndOfText })
        {
            if (!ids.ContainsKey(special))
            {
                throw CheckpointException.ForFile(vocabularyFile, $"found no entry '{special}'");
            }
        }
        var configFile = Path.Combine(folder, "tokenizer_config.json");
        var (padToken, maxLength) = ClipTokenizerFiles.ReadConfig(configFile);
        var pad = padToken ?? EndOfText;
        if (!ids.TryGetValue(pad, out var padId))
        {
            throw CheckpointException.ForFile(
                configFile,
                $"found pad_token '{pad}', expected an entry of {Path.GetFileName(vocabularyFile)}"
            );
        }
        return new ClipTokenizer(ids, merges, maxLength ?? DefaultLength, padId, openClip: false);
    }

    /// <summary>transformers' tokenizer from CLIP's released merges.</summary>
    /// <param name="file"><c>bpe_simple_vocab_16e6.txt</c>, gzipped or not.</param>
    /// <param name="padToken">Padding; Stable Diffusion 3's second tokenizer pads with "!".</param>
    /// <param name="maxLength">Tokens per prompt.</param>
    /// <exception cref="CheckpointException">The file is missing or damaged.</exception>
    public static ClipTokenizer TransformersFromMerges(string file, string padToken = EndOfText, int maxLength = 77)
    {
        var merges = ClipTokenizerFiles.ReadReleasedMerges(file);
        var ids = ReleasedVocabulary(file, merges);
        return new ClipTokenizer(ids, merges, maxLength, ids[padToken], openClip: false);
    }

    /// <summary>open_clip's tokenizer, as HPSv2 uses it, from CLIP's released merges.</summary>
    /// <param name="file"><c>bpe_simple_vocab_16e6.txt</c>, gzipped or not.</param>
    /// <param name="maxLength">Tokens per prompt.</param>
    /// <exception cref="CheckpointException">The file is missing or damaged.</exception>
    public static ClipTokenizer OpenClipFromMerges(string file, int maxLength = 77)
    {
        var merges = ClipTokenizerFiles.ReadReleasedMerges(file);
        return new ClipTokenizer(ReleasedVocabulary(file, merges), merges, maxLength, padId: 0, openClip: true);
    }

    /// <summary>The ids of a prompt without start, end, padding or truncation.</summary>
    public int[] Encode(string prompt)
    {
        var result = new List<int>();
        if (webCleaning)
        {
            EncodeWords(PromptCleaning.OpenClip(prompt), specials.Keys, result);
            return [.. result];
        }
        // transformers takes special tokens out of the prompt before it cleans the rest.
        var position = 0;
        while (position < prompt.Length)
        {
            var (next, special) = specials
                .Keys.Select(s => (Index: prompt.IndexOf(s, position, StringComparison.Ordinal), Special: s))
                .Where(found => found.Index >= 0)
                .DefaultIfEmpty((Index: prompt.Length, Special: ""))
                .MinBy(found => found.Index);
            EncodeWords(PromptCleaning.Transformers(prompt[position..next]), [], result);
            if (special.Length > 0)
            {
                result.Add(specials[special]);
            }
            position = next + special.Length;
        }
        return [.. result];
    }

    /// <summary>Number of tokens of a prompt with start and end, before any truncation.</summary>
    public int CountTokens(string prompt) => Encode(prompt).Length + 2;

    /// <summary>Start, prompt, end, padding: exactly <see cref="MaxLength"/> ids; a longer prompt loses its tail.</summary>
    public long[] Tokenize(string prompt)
    {
        var row = new long[MaxLength];
        Array.Fill(row, PadId);
        var body = Encode(prompt);
        var kept = Math.Min(body.Length, MaxLength - 2);
        row[0] = StartId;
        for (var i = 0; i < kept; i++)
        {
            row[i + 1] = body[i];
        }
        row[kept + 1] = EndId;
        return row;
    }

    /// <summary>Token ids of a batch of prompts.</summary>
    /// <returns>[prompts, <see cref="MaxLength"/>], int64.</returns>
    public Tensor Tokenize(IReadOnlyCollection<string> prompts)
    {
        long[] rows = [.. prompts.SelectMany(Tokenize)];
        return torch.tensor(rows).reshape(prompts.Count, MaxLength);
    }

    private void EncodeWords(string text, IReadOnlyCollection<string> specialWords, List<int> result)
    {
        foreach (var word in ClipWords.Split(text, specialWords))
        {
            if (specialWords.Contains(word))
            {
                result.Add(specials[word]);
                continue;
            }
            // A piece that a small vocabulary lacks becomes the end-of-text token, which is CLIP's "unknown".
            result.AddRange(encoding.Split(word).Select(piece => ids.GetValueOrDefault(piece, EndId)));
        }
    }

    /// <summary>Bytes, bytes at a word's end, merges, specials: the order in which CLIP numbers its tokens.</summary>
    private static Dictionary<string, int> ReleasedVocabulary(string file, List<(string, string)> merges)
    {
        string[] alphabet = [.. BytePairEncoding.Alphabet];
        var ids = new Dictionary<string, int>(StringComparer.Ordinal);
        var pieces = alphabet
            .Concat(alphabet.Select(piece => piece + BytePairEncoding.WordEnd))
            .Concat(merges.Select(pair => pair.Item1 + pair.Item2))
            .Append(StartOfText)
            .Append(EndOfText);
        foreach (var piece in pieces)
        {
            if (!ids.TryAdd(piece, ids.Count))
            {
                throw CheckpointException.ForFile(
                    file,
                    $"found two merges that give '{CheckpointException.Shorten(piece)}', expected each piece once"
                );
            }
        }
        return ids;
    }
}
