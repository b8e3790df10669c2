// The prompt side of a Stable Diffusion 3 folder: text_encoder and text_encoder_2 are CLIP, text_encoder_3 is T5, and all but the first
// may be absent.

using FlowBP.Formats;
using FlowBP.Models.Clip;
using FlowBP.Models.Layers;
using FlowBP.Models.TextEncoders;

namespace FlowBP.Families.SD3;

/// <summary>Loads and writes the text encoders of a Stable Diffusion 3 folder.</summary>
public static class SD3PromptFolder
{
    private const int Clips = SD3PromptEncoder.BothTowers;

    /// <summary>Reads the encoders of a model folder.</summary>
    /// <param name="layout">The folder.</param>
    /// <param name="maxSequenceLength">Tokens of T5; the default if null.</param>
    /// <param name="dtype">Type of the parameters; float32 if null.</param>
    /// <exception cref="CheckpointException">A file is missing, damaged, or does not fit the others.</exception>
    public static SD3PromptEncoder Load(DiffusersFolder layout, int? maxSequenceLength = null, ScalarType? dtype = null)
    {
        RequireParts(layout);
        using var made = new Unfinished();
        var towers = LoadTowers(layout, made);
        if (dtype is { } type)
        {
            foreach (var tower in towers)
            {
                tower.Encoder.to(type);
            }
        }
        var textWidth = ConfigReader.Open(Path.Combine(layout.Transformer, "config.json")).Int("joint_attention_dim");
        var encoder = new SD3PromptEncoder(towers, LoadT5(layout, made, dtype), textWidth, maxSequenceLength);
        made.Finish();
        return encoder;
    }

    /// <summary>Writes the encoders and tokenizers. CLIP's towers were perhaps trained here, T5 never is and is copied.</summary>
    /// <param name="prompts">The encoders.</param>
    /// <param name="layout">The folder.</param>
    /// <param name="dtype">Storage type of CLIP's weights; each tensor's own if null.</param>
    /// <returns>Their entries in the table of contents.</returns>
    /// <exception cref="CheckpointException">A file cannot be written.</exception>
    internal static IEnumerable<IndexEntry> Write(SD3PromptEncoder prompts, DiffusersFolder layout, ScalarType? dtype)
    {
        var (towers, t5) = (prompts.Towers, prompts.T5);
        for (var i = 0; i < towers.Count; i++)
        {
            CopyFiles(towers[i].TokenizerFolder, layout.Tokenizer(i + 1));
            ModuleFolder.WriteTextEncoder(
                layout.TextEncoder(i + 1),
                towers[i].Encoder.Config.ToJson(),
                towers[i].Encoder,
                dtype
            );
        }
        if (t5 is not null)
        {
            CopyFiles(t5.TokenizerFolder, layout.Tokenizer(Clips + 1));
            CopyFiles(t5.EncoderFolder, layout.TextEncoder(Clips + 1));
        }
        return
        [
            .. Enumerable
                .Range(1, Clips)
                .SelectMany(i => Entries(i, i <= towers.Count, nameof(CLIPTextModelWithProjection), "CLIPTokenizer")),
            .. Entries(Clips + 1, t5 is not null, nameof(T5EncoderModel), "T5TokenizerFast"),
        ];

        IndexEntry[] Entries(int number, bool present, string encoder, string tokenizer)
        {
            var library = present ? "transformers" : null;
            return
            [
                new(Path.GetFileName(layout.TextEncoder(number)), library, present ? encoder : null),
                new(Path.GetFileName(layout.Tokenizer(number)), library, present ? tokenizer : null),
            ];
        }
    }

    /// <summary>Refuses a folder that lists an encoder which is not there, before anything large is read.</summary>
    internal static void RequireParts(DiffusersFolder layout)
    {
        layout.Contents.RequirePart(layout.TextEncoder(), nameof(CLIPTextModelWithProjection));
        for (var i = 2; i <= Clips + 1; i++)
        {
            if (layout.Contents.HasPart(layout.TextEncoder(i)))
            {
                layout.Contents.RequireClass(
                    layout.TextEncoder(i),
                    i > Clips ? nameof(T5EncoderModel) : nameof(CLIPTextModelWithProjection)
                );
            }
        }
    }

    // What is read is the caller's at once, who disposes it where something that follows fails.
    private static IReadOnlyList<TextTower> LoadTowers(DiffusersFolder layout, Unfinished made) =>
        [
            .. Enumerable
                .Range(1, Clips)
                .Where(i => i == 1 || layout.Contents.HasPart(layout.TextEncoder(i)))
                .Select(i =>
                {
                    var tower = TextTower.Load(layout.Contents.TokenizerInUse(i), layout.TextEncoder(i));
                    made.Add(tower.Encoder);
                    return tower;
                }),
        ];

    private static T5Tower? LoadT5(DiffusersFolder layout, Unfinished made, ScalarType? dtype = null) =>
        layout.Contents.HasPart(layout.TextEncoder(3))
            ? made.Add(T5Tower.Load(layout.Contents.TokenizerInUse(3), layout.TextEncoder(3), dtype))
            : null;

    private static void CopyFiles(string from, string to)
    {
        if (Path.GetFullPath(from) == Path.GetFullPath(to))
        {
            return;
        }
        foreach (var file in Directory.EnumerateFiles(from))
        {
            AtomicFile.Write(
                Path.Combine(to, Path.GetFileName(file)),
                stream =>
                {
                    using var source = File.OpenRead(file);
                    source.CopyTo(stream);
                }
            );
        }
    }
}
