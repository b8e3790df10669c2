// How a config.json is laid out on disk: indented by two, a newline at the end, as the ecosystem's tools write it.

using System.Text.Json;
using System.Text.Json.Nodes;

namespace FlowBP.Formats;

internal static class ConfigText
{
    private static readonly JsonSerializerOptions Indented = new()
    {
        WriteIndented = true,
        Encoder = System.Text.Encodings.Web.JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
    };

    public static string ToConfigText(this JsonObject json) => json.ToJsonString(Indented) + "\n";
}
