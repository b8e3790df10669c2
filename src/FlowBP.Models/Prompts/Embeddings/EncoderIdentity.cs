// Which encoders made embeddings. Embeddings of another encoder have the same shapes and look like any others, so a file of them
// says what it came from: the meaning of each configuration, a fingerprint of the weights, the tokenizer's files, and how
// many tokens of a prompt were seen. Nothing of it needs the networks to be loaded.

using System.Security.Cryptography;
using System.Text;
using FlowBP.Formats;
using FlowBP.Models.Clip;
using FlowBP.Models.Layers;
using FlowBP.Models.TextEncoders;
using FlowBP.Models.Tokenizers;

namespace FlowBP.Models.Prompts;

/// <summary>One text encoder of a model.</summary>
/// <param name="Folder">Its sub-folder, such as <c>text_encoder_2</c>.</param>
/// <param name="Class">Its class, such as <c>T5EncoderModel</c>.</param>
/// <param name="Config">SHA-256 of its configuration's meaning, hexadecimal: keys without effect don't count.</param>
/// <param name="Weights">SHA-256 of a sample of its weight files: sizes, headers, blocks all over.</param>
/// <param name="Tokenizer">SHA-256 of its tokenizer's files.</param>
public sealed record EncoderPart(string Folder, string Class, string Config, string Weights, string Tokenizer);

/// <summary>The text encoders that the models of a family have.</summary>
/// <param name="DefaultLength">Tokens of the longest sequence unless something else is wanted.</param>
/// <param name="Classes">Class of each encoder, in the order of their folders' numbers.</param>
public sealed record EncoderLayout(int DefaultLength, IReadOnlyList<string> Classes)
{
    /// <summary>Whether a model may lack all encoders but the first.</summary>
    public bool OnlyFirstIsNeeded { get; init; }
}

/// <summary>The encoders of a model and the length of what they see.</summary>
/// <param name="Pipeline">Class of the pipeline.</param>
/// <param name="MaxSequenceLength">Tokens of the longest sequence.</param>
/// <param name="Parts">The encoders, by folder.</param>
public sealed record EncoderIdentity(string Pipeline, int MaxSequenceLength, IReadOnlyList<EncoderPart> Parts)
{
    private static readonly string[] TokenizerFiles =
    [
        "added_tokens.json",
        "merges.txt",
        "spiece.model",
        "tokenizer.json",
        "tokenizer_config.json",
        "vocab.json",
    ];

    /// <summary>The identity of a model folder's encoders.</summary>
    /// <param name="layout">A folder in diffusers' layout, with its text encoders.</param>
    /// <param name="encoders">The encoders that its family has.</param>
    /// <param name="maxSequenceLength">Tokens of the longest sequence; the family's default if null.</param>
    /// <exception cref="CheckpointException">A file is missing or damaged.</exception>
    /// <exception cref="SequenceLengthException">The encoders can't have that length.</exception>
    public static EncoderIdentity Of(DiffusersFolder layout, EncoderLayout encoders, int? maxSequenceLength = null)
    {
        var parts = new List<EncoderPart>();
        for (var i = 1; i <= encoders.Classes.Count; i++)
        {
            if (i == 1 || !encoders.OnlyFirstIsNeeded || layout.Contents.HasPart(layout.TextEncoder(i)))
            {
                parts.Add(PartOf(layout.TextEncoder(i), layout.Contents.TokenizerInUse(i), encoders.Classes[i - 1]));
            }
        }
        // Without T5 the length is that of CLIP, which its tokenizer knows.
        var onlyClip = parts.All(part => part.Class == nameof(CLIPTextModelWithProjection));
        var tokens = onlyClip
            ? SequenceLength.ResolveFixed(maxSequenceLength, ClipTokenizerFiles.ReadLength(layout.Tokenizer()))
            : SequenceLength.Resolve(maxSequenceLength, encoders.DefaultLength, T5Tower.LongestSequence);
        return new EncoderIdentity(layout.Contents.PipelineClass, tokens, parts);
    }

    /// <summary>SHA-256 of everything here, hexadecimal.</summary>
    public string Hash() =>
        Hex(SHA256.HashData(Encoding.UTF8.GetBytes($"{Pipeline} {MaxSequenceLength} {string.Join(' ', Parts)}")));

    /// <summary>In what another identity differs; null if in nothing.</summary>
    /// <param name="expected">What it is compared with.</param>
    /// <returns>Part of a sentence: <c>found …, expected …</c>.</returns>
    public string? Difference(EncoderIdentity expected)
    {
        if (Pipeline != expected.Pipeline)
        {
            return $"found encoders of {Pipeline}, expected {expected.Pipeline}";
        }
        if (MaxSequenceLength != expected.MaxSequenceLength)
        {
            return $"found prompts of {MaxSequenceLength} tokens, expected {expected.MaxSequenceLength} (max_sequence_length)";
        }
        foreach (var part in Parts)
        {
            var other = expected.Parts.FirstOrDefault(candidate => candidate.Folder == part.Folder);
            if (other is null)
            {
                return $"found embeddings that use {part.Folder}, expected none: the model has no such encoder";
            }
            foreach (
                var (what, mine, theirs) in new[]
                {
                    ("class", part.Class, other.Class),
                    ("configuration", part.Config, other.Config),
                    ("weights", part.Weights, other.Weights),
                    ("tokenizer", part.Tokenizer, other.Tokenizer),
                }
            )
            {
                if (mine != theirs)
                {
                    return $"found another {what} of {part.Folder} ({Short(mine)}), expected the model's ({Short(theirs)})";
                }
            }
        }
        var missing = expected.Parts.FirstOrDefault(part => Parts.All(own => own.Folder != part.Folder));
        return missing is null ? null : $"found no use of {missing.Folder}, expected the model's";
    }

    /// <summary>SHA-256 of a prompt, hexadecimal: how embeddings are found again.</summary>
    public static string PromptHash(string prompt) => Hex(SHA256.HashData(Encoding.UTF8.GetBytes(prompt)));

    private static EncoderPart PartOf(string encoder, string tokenizer, string type)
    {
        var file = Path.Combine(encoder, "config.json");
        var config = type switch
        {
            nameof(T5EncoderModel) => T5Config.Read(file).ToJson(),
            "Qwen3ForCausalLM" => Qwen3Config.Read(file).ToJson(),
            _ => ClipTextConfig.Read(file).ToJson(),
        };
        var name = Path.GetFileName(encoder);
        return new EncoderPart(
            name,
            type,
            Hex(SHA256.HashData(Encoding.UTF8.GetBytes(config))),
            WeightFingerprint.Of(TransformersWeights.Files(encoder)),
            TokenizerHash(tokenizer)
        );
    }

    private static string TokenizerHash(string folder)
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        var found = 0;
        foreach (var name in TokenizerFiles)
        {
            var file = Path.Combine(folder, name);
            if (File.Exists(file))
            {
                found++;
                hash.AppendData(Encoding.UTF8.GetBytes(name));
                hash.AppendData(SHA256.HashData(File.ReadAllBytes(file)));
            }
        }
        return found > 0
            ? Hex(hash.GetHashAndReset())
            : throw CheckpointException.ForFile(folder, "found no tokenizer files");
    }

    private static string Hex(byte[] bytes) => Convert.ToHexStringLower(bytes);

    private static string Short(string hash) => hash.Length > 12 ? hash[..12] : hash;
}
