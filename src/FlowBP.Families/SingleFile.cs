// What a file of weights holds, in a few words: whoever gives a file where a folder is expected should hear what the file is and
// how it is used, not that it is no folder.

using FlowBP.Formats;
using FlowBP.Models.Original;

namespace FlowBP.Families;

/// <summary>Says what a single-file checkpoint is.</summary>
public static class SingleFile
{
    // Files of other families and of single parts, by a name that they have.
    private static readonly (string Name, string Kind)[] Foreign =
    [
        ("input_blocks.0.0.weight", "Stable Diffusion 1, 2 or XL (a U-Net), which is not read here"),
        ("down_blocks.0.resnets.0.conv1.weight", "a U-Net, which is not read here"),
        ("decoder.up.0.block.0.conv1.weight", "an autoencoder under its original names, not a model"),
        ("text_model.embeddings.token_embedding.weight", "a CLIP text encoder, not a model"),
        ("encoder.block.0.layer.0.SelfAttention.q.weight", "a T5 text encoder, not a model"),
        ("model.layers.0.self_attn.q_proj.weight", "a language model, not a text-to-image model"),
        (
            "transformer_blocks.0.attn.to_q.weight",
            "a transformer under diffusers' names, without the rest of its model"
        ),
        ("transformer_blocks.0.img_mod.1.weight", "Qwen-Image, which is not read here"),
        ("blocks.0.self_attn.q.weight", "Wan, which is not read here"),
        ("visual.conv1.weight", "an open_clip model such as HPSv2: it is given to --reward"),
    ];

    /// <summary>What a file holds, as the end of a sentence that begins with its path.</summary>
    /// <param name="file">The file.</param>
    /// <exception cref="CheckpointException">It is no file of weights, or damaged.</exception>
    public static string Describe(string file)
    {
        using var source = Checkpoint.Open(file);
        string[] names = [.. source.Tensors.Keys];
        if (ModelFamilies.WithOriginalNamesOf(source) is { } family)
        {
            string[] parts = [.. AllInOneParts.Of(names)];
            var also = parts.Length > 0 ? $", with {string.Join(", ", parts)}" : ", the transformer alone";
            return $"is a single-file checkpoint of {family.OriginalNames!.Family} under its original names{also}";
        }
        if (names.Any(name => name.Contains(".lora_", StringComparison.Ordinal)))
        {
            return "is a low-rank adapter, not a model: it is given to --lora_weights, beside the --model it was trained on";
        }
        var kind = Foreign
            .FirstOrDefault(known =>
                names.Any(name => name == known.Name || name.EndsWith("." + known.Name, StringComparison.Ordinal))
            )
            .Kind;
        return kind is null
            ? $"is a file of weights of a kind that is not known here (first tensor '{CheckpointException.Shorten(names[0])}')"
            : $"is a single file of weights: {kind}";
    }

    /// <summary>The family whose transformer a file holds under original names; null: none.</summary>
    /// <param name="file">The file.</param>
    /// <exception cref="CheckpointException">It is no file of weights, or damaged.</exception>
    public static ModelFamily? FamilyOf(string file)
    {
        using var source = Checkpoint.Open(file);
        return ModelFamilies.WithOriginalNamesOf(source);
    }
}
