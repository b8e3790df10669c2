// All-in-one files hold a whole model under prefixes.

namespace FlowBP.Models.Original;

/// <summary>Names the parts of all-in-one files.</summary>
internal static class AllInOneParts
{
    // How names of parts begin in all-in-one files.
    private static readonly (string Prefix, string Part)[] Parts =
    [
        ("first_stage_model.", "an autoencoder"),
        ("vae.", "an autoencoder"),
        ("text_encoders.clip_l.", "CLIP-L"),
        ("text_encoders.clip_g.", "CLIP-bigG"),
        ("text_encoders.t5xxl.", "T5-XXL"),
        ("text_encoders.qwen3", "Qwen3"),
        ("text_encoders.", "text encoders"),
        ("cond_stage_model.", "text encoders"),
        ("conditioner.", "text encoders"),
        ("text_encoder", "text encoders"),
        ("model_ema.", "a moving average"),
    ];

    /// <summary>The parts of a model that names belong to, transformer apart.</summary>
    public static IEnumerable<string> Of(IEnumerable<string> names) =>
        names
            .Select(name => Array.Find(Parts, part => name.StartsWith(part.Prefix, StringComparison.Ordinal)).Part)
            .OfType<string>()
            .Distinct(StringComparer.Ordinal)
            .Order(StringComparer.Ordinal);
}
