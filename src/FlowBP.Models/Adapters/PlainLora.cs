// What PEFT's settings can ask for beyond plain LoRA (DoRA, trained biases, other kinds of adapters, a changed base) would change the
// arithmetic, and is refused by name.

using System.Text.Json.Nodes;
using FlowBP.Formats;

namespace FlowBP.Models.Adapters;

/// <summary>Tells plain LoRA from PEFT's other kinds, by the settings.</summary>
internal static class PlainLora
{
    // Ways of starting an adapter that leave the base as it was released. Others (PiSSA, OLoRA, CorDA, LoftQ, LoRA-GA) subtract the
    // adapter's start from it.
    private static readonly string[] UnchangedBases = ["gaussian", "eva", "orthogonal"];

    /// <summary>Refuses settings that change the arithmetic in ways that are not built.</summary>
    /// <exception cref="CheckpointException">Names the first one, and what it is set to.</exception>
    public static void Require(PeftKeys keys)
    {
        Refuse(
            keys,
            "peft_type",
            node => Text(node) is { } type && !type.Equals("LORA", StringComparison.OrdinalIgnoreCase)
        );
        foreach (var flag in new[] { "use_dora", "lora_bias", "use_qalora", "use_bdlora", "fan_in_fan_out" })
        {
            Refuse(keys, flag, _ => keys.IsOn(flag));
        }
        Refuse(keys, "bias", node => Text(node) is { } text && text != "none");
        Refuse(
            keys,
            "init_lora_weights",
            node => Text(node) is { } way && !UnchangedBases.Contains(way, StringComparer.OrdinalIgnoreCase)
        );
        foreach (
            var list in new[]
            {
                "modules_to_save",
                "layer_replication",
                "target_parameters",
                "trainable_token_indices",
                "alora_invocation_tokens",
            }
        )
        {
            Refuse(keys, list, node => node is JsonArray { Count: > 0 } or JsonObject { Count: > 0 });
        }
    }

    private static void Refuse(PeftKeys keys, string key, Func<JsonNode, bool> isSet)
    {
        if (keys.Value(key) is { } node && isSet(node))
        {
            throw keys.Problem(
                key,
                $"found {CheckpointException.Shorten(node.ToJsonString())}, which is not implemented: plain LoRA only"
            );
        }
    }

    private static string? Text(JsonNode node) =>
        node is JsonValue value && value.TryGetValue(out string? text) ? text : null;
}
