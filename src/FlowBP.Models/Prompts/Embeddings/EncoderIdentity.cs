// Which encoders made embeddings. Embeddings of another encoder have the same shapes and look like any others, so a file of them
// says what it came from: the meaning of each configuration, a fingerprint of the weights, the tokenizer's files, and how
// many tokens of a prompt were seen. Nothing of it needs the networks to be loaded.

using System.Security.Cryptography;
using System.Text;
using FlowBP.Formats;
using FlowBP.Models.Clip;
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

    private static readonly (string Pipeline, int Length, string[] Classes)[] Known =
    [
        (
            SD3Pipeline.ClassName,
            SD3PromptEncoder.DefaultSequenceLength,
            [nameof(CLIPTextModelWithProjection), nameof(CLIPTextModelWithProjection), nameof(T5EncoderModel)]
        ),
        (
            FluxPipeline.ClassName,
            Flux1PromptEncoder.DefaultSequenceLength,
            [nameof(CLIPTextModel), nameof(T5EncoderModel)]
        ),
        (Flux2KleinPipeline.ClassName, Flux2PromptEncoder.DefaultSequenceLength, ["Qwen3ForCausalLM"]),
    ];

    /// <summary>The identity of a model folder's encoders.</summary>
    /// <param name="folder">A folder in diffusers' layout, with its text encoders.</param>
    /// <param name="maxSequenceLength">Tokens of the longest sequence; the pipeline's default if null.</param>
    /// <exception cref="CheckpointException">A file is missing or damaged, or the pipeline is not known.</exception>
    /// <exception cref="SequenceLengthException">The encoders can't have that length.</exception>
    public static EncoderIdentity Of(string folder, int? maxSequenceLength = null)
    {
        var layout = new DiffusersFolder(folder);
        string pipeline = layout.PipelineClass();
        var (_, length, classes) = Array.Find(Known, known => known.Pipeline == pipeline);
        if (classes is null)
        {
            throw CheckpointException.ForFile(
                Path.Combine(folder, "model_index.json"),
                $"found pipeline class {pipeline}, expected one of {string.Join(", ", Known.Select(k => k.Pipeline))}"
            );
        }
        var parts = new List<EncoderPart>();
        for (int i = 1; i <= classes.Length; i++)
        {
            if (i == 1 || layout.HasPart(layout.TextEncoder(i)) || pipeline != Known[0].Pipeline)
            {
                parts.Add(PartOf(layout.TextEncoder(i), layout.TokenizerInUse(i), classes[i - 1]));
            }
        }
        // Without T5 the length is that of CLIP, which its tokenizer knows.
        bool onlyClip = parts.All(part => part.Class == nameof(CLIPTextModelWithProjection));
        int tokens = onlyClip
            ? SequenceLength.ResolveFixed(maxSequenceLength, ClipTokenizerFiles.ReadLength(layout.Tokenizer()))
            : SequenceLength.Resolve(maxSequenceLength, length, T5Tower.LongestSequence);
        return new EncoderIdentity(pipeline, tokens, parts);
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
        foreach (EncoderPart part in Parts)
        {
            EncoderPart? other = expected.Parts.FirstOrDefault(candidate => candidate.Folder == part.Folder);
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
        EncoderPart? missing = expected.Parts.FirstOrDefault(part => Parts.All(own => own.Folder != part.Folder));
        return missing is null ? null : $"found no use of {missing.Folder}, expected the model's";
    }

    /// <summary>SHA-256 of a prompt, hexadecimal: how embeddings are found again.</summary>
    public static string PromptHash(string prompt) => Hex(SHA256.HashData(Encoding.UTF8.GetBytes(prompt)));

    private static EncoderPart PartOf(string encoder, string tokenizer, string type)
    {
        string file = Path.Combine(encoder, "config.json");
        string config = type switch
        {
            nameof(T5EncoderModel) => T5Config.Read(file).ToJson(),
            "Qwen3ForCausalLM" => Qwen3Config.Read(file).ToJson(),
            _ => ClipTextConfig.Read(file).ToJson(),
        };
        string name = Path.GetFileName(encoder);
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
        int found = 0;
        foreach (string name in TokenizerFiles)
        {
            string file = Path.Combine(folder, name);
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
