// Which layer of the network a name in an adapter means. Trainers put different words before the layer (transformer., diffusion_model.,
// base_model.model., lora_unet_), write its path with dots or with underscores throughout, and name it as diffusers does or as the
// family's original code does. Underscores cannot be read backwards, so every name that the network could have is written down
// first, in each style, and looked up.

using System.Text.RegularExpressions;
using FlowBP.Models.Original;

namespace FlowBP.Models.Adapters;

/// <summary>What a name of an adapter stands for: layers of the network, in the order of the second factor's rows.</summary>
/// <param name="Written">The layer's name as the file has it, without what stands before it.</param>
/// <param name="Paths">Paths of the network's layers.</param>
/// <param name="SwapsHalves">Whether the two halves of the rows change places.</param>
internal sealed record NamedLayers(string Written, IReadOnlyList<string> Paths, bool SwapsHalves);

/// <summary>The names under which adapters know the layers of one network.</summary>
internal sealed partial class LayerNames
{
    private const string PeftPrefix = "base_model.model.";

    // Before a path with dots; the pipeline's own part is added, the longest is tried first.
    private static readonly string[] Dotted =
    [
        "model.diffusion_model.",
        "diffusion_model.",
        PeftPrefix,
        "pipe.dit.",
        "dit.",
        "model.",
    ];

    // Parts of a path that torch puts there when a module is compiled, sharded, recomputed or copied to several devices.
    private static readonly string[] Wrappers =
    [
        "_orig_mod",
        "_fsdp_wrapped_module",
        "_checkpoint_wrapped_module",
        "module",
    ];

    // Before a path with underscores.
    private static readonly string[] Underscored = ["lora_unet_", "lora_transformer_", "lycoris_"];

    private static readonly (string Prefix, string Part)[] TextEncoders =
    [
        ("text_encoder_3.", "text_encoder_3 (T5)"),
        ("text_encoder_2.", "text_encoder_2"),
        ("text_encoder.", "text_encoder"),
        ("text_encoders.", "the text encoders"),
        ("lora_te3_", "text_encoder_3 (lora_te3)"),
        ("lora_te2_", "text_encoder_2 (lora_te2)"),
        ("lora_te1_", "text_encoder (lora_te1)"),
        ("lora_te_", "text_encoder (lora_te)"),
        ("lora_clip_", "text_encoder (lora_clip)"),
        ("lora_t5", "the T5 text encoder (lora_t5)"),
        ("lora_qwen", "the Qwen3 text encoder (lora_qwen)"),
        ($"{PeftPrefix}text_model.", "text_encoder"),
        ($"{PeftPrefix}text_encoder", "a text encoder"),
        ("text_model.", "text_encoder"),
        ("lora_text_encoder", "a text encoder (lora_text_encoder)"),
        ("lycoris_text_encoder", "a text encoder (lycoris_text_encoder)"),
        ("clip_l.", "text_encoder (clip_l)"),
        ("clip_g.", "text_encoder_2 (clip_g)"),
        ("t5xxl.", "the T5 text encoder"),
        ("te1.", "text_encoder"),
        ("te2.", "text_encoder_2"),
        ("te3.", "text_encoder_3"),
    ];

    private static readonly (string Prefix, string Family)[] OtherNetworks =
    [
        ("unet.", "a U-Net (Stable Diffusion 1, 2 or XL)"),
        ("down_blocks.", "a U-Net (Stable Diffusion 1, 2 or XL)"),
        ("up_blocks.", "a U-Net (Stable Diffusion 1, 2 or XL)"),
        ("mid_block.", "a U-Net (Stable Diffusion 1, 2 or XL)"),
        ("lora_unet_down_blocks", "a U-Net (Stable Diffusion 1, 2 or XL)"),
        ("lora_unet_up_blocks", "a U-Net (Stable Diffusion 1, 2 or XL)"),
        ("lora_unet_mid_block", "a U-Net (Stable Diffusion 1, 2 or XL)"),
        ("lora_unet_input_blocks", "a U-Net (Stable Diffusion 1, 2 or XL)"),
        ("lora_unet_output_blocks", "a U-Net (Stable Diffusion 1, 2 or XL)"),
        ("lora_unet_middle_block", "a U-Net (Stable Diffusion 1, 2 or XL)"),
        ("lora_prior_", "Stable Cascade"),
    ];

    private readonly string[] prefixes;
    private readonly Dictionary<string, NamedLayers> byPath = new(StringComparer.Ordinal);
    private readonly Dictionary<string, NamedLayers> byUnderscores = new(StringComparer.Ordinal);

    /// <summary>Writes the names down.</summary>
    /// <param name="model">The network.</param>
    /// <param name="paths">Paths of its linear layers.</param>
    /// <param name="part">The network's part in a pipeline, such as <c>transformer</c>.</param>
    public LayerNames(nn.Module model, IReadOnlyCollection<string> paths, string part)
    {
        prefixes =
        [
            .. Dotted
                .Append($"{part}.")
                .Append($"{PeftPrefix}{part}.")
                .Append($"{part}.{PeftPrefix}")
                .OrderByDescending(prefix => prefix.Length),
        ];
        foreach (var path in paths)
        {
            Add(new NamedLayers(path, [path], false));
        }
        if (model is IHasOriginalNames { OriginalNames: { } names })
        {
            foreach (var layer in names.AdaptableLayersOf(paths))
            {
                Add(new NamedLayers(layer.Name, layer.Parts, layer.SwapsHalves));
            }
        }
    }

    /// <summary>Whether a name is of the form in which PEFT saves, which keeps the strength in a file of its own.</summary>
    public static bool IsPeft(string name) => name.StartsWith(PeftPrefix, StringComparison.Ordinal);

    /// <summary>The text encoder that a name is of; null: none.</summary>
    public static string? TextEncoderOf(string name) =>
        Find(TextEncoders, Unwrapped(name)) ?? (TextLayer().IsMatch(name) ? "a text encoder" : null);

    /// <summary>The kind of network that a name is of, if it is none that is read here; null: it may be one.</summary>
    public static string? OtherNetworkOf(string name) => Find(OtherNetworks, Unwrapped(name));

    /// <summary>The layers that a name stands for; null: this network has none of it.</summary>
    /// <param name="name">A tensor's name without its ending.</param>
    public NamedLayers? Resolve(string name)
    {
        name = Unwrapped(name);
        foreach (var prefix in Underscored)
        {
            if (
                name.StartsWith(prefix, StringComparison.Ordinal)
                && byUnderscores.TryGetValue(Flat(name[prefix.Length..]), out var found)
            )
            {
                return found;
            }
        }
        return byPath.GetValueOrDefault(WithoutPrefix(name)) ?? byPath.GetValueOrDefault(name);
    }

    /// <summary>A layer's name without what stands before it, for messages and patterns.</summary>
    public string WithoutPrefix(string name)
    {
        name = Unwrapped(name);
        var start = prefixes
            .Concat(Underscored)
            .FirstOrDefault(prefix => name.StartsWith(prefix, StringComparison.Ordinal));
        return start is null ? name : name[start.Length..];
    }

    private static string Unwrapped(string name) =>
        Array.Exists(Wrappers, wrapper => name.Contains($"{wrapper}.", StringComparison.Ordinal))
            ? string.Join('.', name.Split('.').Where(part => !Wrappers.Contains(part)))
            : name;

    // Own names first: where both exist (context_embedder of Stable Diffusion 3, proj_out) they mean the same layer.
    private void Add(NamedLayers layers)
    {
        byPath.TryAdd(layers.Written, layers);
        byUnderscores.TryAdd(Flat(layers.Written), layers);
    }

    private static string Flat(string path) => path.Replace('.', '_');

    private static string? Find((string Prefix, string What)[] table, string name) =>
        Array.Find(table, row => name.StartsWith(row.Prefix, StringComparison.Ordinal)).What;

    // Layers that only text encoders have, whatever stands before them: those of CLIP, T5 and Qwen3.
    [GeneratedRegex(
        @"(^|[._])text_model[._]|[._]SelfAttention[._]|[._]DenseReluDense[._]"
            + @"|(^|[._])layers[._]\d+[._](self_attn[._]([qkvo]|out)_proj|mlp[._](fc[12]|(gate|up|down)_proj))"
    )]
    private static partial Regex TextLayer();
}
