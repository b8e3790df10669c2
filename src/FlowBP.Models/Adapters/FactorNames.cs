// How the tensors of an adapter are called in its layer: PEFT's words, those of sd-scripts and ComfyUI, and diffusers' older ones mean
// the same two factors. Other kinds of adapters (DoRA, LoHa, LoKr …) put other tensors there; each is known by how its names end, so
// that a file which is no plain LoRA is refused as what it is.

using System.Text.RegularExpressions;

namespace FlowBP.Models.Adapters;

/// <summary>What a tensor is in its layer.</summary>
internal enum FactorRole
{
    /// <summary>The first factor, [R, I].</summary>
    A,

    /// <summary>The second factor, [O, R].</summary>
    B,

    /// <summary>Numerator of the strength.</summary>
    Alpha,
}

/// <summary>Endings of tensor names.</summary>
internal static partial class FactorNames
{
    // The second word is the first factor's, the third the second's.
    private static readonly (string A, string B)[] Styles =
    [
        (".lora_A.weight", ".lora_B.weight"),
        (".lora_down.weight", ".lora_up.weight"),
        (".lora.down.weight", ".lora.up.weight"),
        (".lora_linear_layer.down.weight", ".lora_linear_layer.up.weight"),
        (".lora_A", ".lora_B"),
        (".lora_down", ".lora_up"),
        (".lora.A.weight", ".lora.B.weight"),
    ];

    private const string AlphaEnding = ".alpha";

    // In the order in which they are asked: a DoRA has the factors of a LoRA too.
    private static readonly (string Part, string Kind)[] Kinds =
    [
        (".dora_scale", "DoRA (weight-decomposed LoRA)"),
        (".lora_magnitude", "DoRA (weight-decomposed LoRA)"),
        (".magnitude_vector", "DoRA (weight-decomposed LoRA)"),
        (".lokr_", "LoKr (Kronecker products)"),
        (".hada_", "LoHa (Hadamard products)"),
        (".lora_mid.", "LoCon with a Tucker core (lora_mid)"),
        (".oft_", "OFT (orthogonal fine-tuning)"),
        (".boft_", "BOFT (orthogonal fine-tuning)"),
        (".ia3_", "IA3"),
        (".on_input", "IA3"),
        (".vera_lambda_", "VeRA"),
        (".a1.weight", "GLoRA"),
        (".a2.weight", "GLoRA"),
        (".b1.weight", "GLoRA"),
        (".b2.weight", "GLoRA"),
        (".lora_E", "AdaLoRA"),
        (".lora_embedding_", "LoRA of embeddings"),
        (".modules_to_save.", "LoRA with whole trained layers (modules_to_save)"),
        (".base_layer.", "LoRA together with the model that it changes (base_layer)"),
        (".lora_A.bias", "LoRA with biases"),
        (".lora_B.bias", "LoRA with biases"),
        (".lora_up.bias", "LoRA with biases"),
        (".lora_down.bias", "LoRA with biases"),
        (".diff_b", "LoRA with whole differences of biases (diff_b)"),
        (".diff", "whole differences of weights (diff), as extraction tools store them"),
        (".w_norm", "LoRA with differences of norms"),
        (".b_norm", "LoRA with differences of norms"),
        (".set_weight", "LoRA with whole tensors in place of the model's (set_weight)"),
        (".reshape_weight", "LoRA that changes the model's shapes (reshape_weight)"),
        ("bundle_emb.", "LoRA with trained embeddings (bundle_emb)"),
        ("emb_params", "LoRA with trained embeddings (emb_params)"),
        (".norm.scale", "LoRA with whole norms"),
        ("_norm.scale", "LoRA with whole norms"),
    ];

    /// <summary>The kind of adapter that a tensor belongs to, if it is another than plain LoRA; null: plain, or unknown.</summary>
    /// <param name="name">The tensor's name.</param>
    public static string? OtherKind(string name) =>
        Kinds
            .FirstOrDefault(kind =>
                kind.Part is ".diff" or ".lora_E"
                    ? name.EndsWith(kind.Part, StringComparison.Ordinal)
                    : name.Contains(kind.Part, StringComparison.Ordinal)
            )
            .Kind;

    /// <summary>Layer and role of a tensor; null: it is no part of a LoRA.</summary>
    /// <param name="name">The tensor's name.</param>
    public static (string Layer, FactorRole Role)? Parse(string name)
    {
        foreach (var (a, b) in Styles)
        {
            if (name.EndsWith(a, StringComparison.Ordinal))
            {
                return (name[..^a.Length], FactorRole.A);
            }
            if (name.EndsWith(b, StringComparison.Ordinal))
            {
                return (name[..^b.Length], FactorRole.B);
            }
        }
        if (name.EndsWith(AlphaEnding, StringComparison.Ordinal))
        {
            var layer = name[..^AlphaEnding.Length];
            return (layer.EndsWith(".lora", StringComparison.Ordinal) ? layer[..^5] : layer, FactorRole.Alpha);
        }
        // Factors inside an attention processor, whose own name is the layer's: processor.qkv_lora1.down.weight (XLabs).
        if (Processor().Match(name) is { Success: true } inProcessor)
        {
            return (
                inProcessor.Groups["layer"].Value,
                inProcessor.Groups["factor"].Value == "down" ? FactorRole.A : FactorRole.B
            );
        }
        // A model that was saved with its adapter inside: lora_A.default.weight.
        return NamedAdapter().Match(name) is { Success: true } match
            ? (match.Groups["layer"].Value, match.Groups["factor"].Value == "A" ? FactorRole.A : FactorRole.B)
            : null;
    }

    [GeneratedRegex(@"^(?<layer>.+\.processor\..+_lora[0-9]?)\.(?<factor>down|up)\.weight$")]
    private static partial Regex Processor();

    [GeneratedRegex(@"^(?<layer>.+)\.lora_(?<factor>[AB])\.[A-Za-z0-9_-]+\.weight$")]
    private static partial Regex NamedAdapter();
}
