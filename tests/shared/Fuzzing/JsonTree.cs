// JSON that may be wrong: an object here can have a key twice, a number can be any text. It is read from what is right, changed, and
// written.

using System.Text;
using System.Text.Json;

namespace FlowBP.Tests.Fuzzing;

/// <summary>A value: an object's or a list's members, or the text of anything else.</summary>
internal sealed class JsonTree
{
    private JsonTree(JsonValueKind kind, string raw)
    {
        Kind = kind;
        Raw = raw;
    }

    public JsonValueKind Kind { get; private set; }

    /// <summary>What is written, for values without members.</summary>
    public string Raw { get; private set; }

    /// <summary>Keys are empty in a list.</summary>
    public List<(string Key, JsonTree Value)> Members { get; private set; } = [];

    public static JsonTree Parse(string json)
    {
        using var document = JsonDocument.Parse(json);
        return Of(document.RootElement);
    }

    public static JsonTree Literal(string raw) => new(JsonValueKind.Undefined, raw);

    public static JsonTree Text(string text) => Literal(JsonSerializer.Serialize(text));

    public JsonTree Copy() =>
        new(Kind, Raw) { Members = [.. Members.Select(member => (member.Key, member.Value.Copy()))] };

    /// <summary>Becomes another value.</summary>
    public void Become(JsonTree other)
    {
        (Kind, Raw) = (other.Kind, other.Raw);
        Members = other.Copy().Members;
    }

    /// <summary>Becomes a list or an object around what it was.</summary>
    public void Wrap(bool inObject)
    {
        var inner = Copy();
        (Kind, Raw) = (inObject ? JsonValueKind.Object : JsonValueKind.Array, "");
        Members = [(inObject ? "x" : "", inner)];
    }

    /// <summary>This value and all below.</summary>
    public IEnumerable<JsonTree> All() => Members.SelectMany(member => member.Value.All()).Prepend(this);

    public override string ToString()
    {
        var text = new StringBuilder();
        Write(text);
        return text.ToString();
    }

    private static JsonTree Of(JsonElement element) =>
        element.ValueKind switch
        {
            JsonValueKind.Object => new(JsonValueKind.Object, "")
            {
                Members = [.. element.EnumerateObject().Select(each => (each.Name, Of(each.Value)))],
            },
            JsonValueKind.Array => new(JsonValueKind.Array, "")
            {
                Members = [.. element.EnumerateArray().Select(each => ("", Of(each)))],
            },
            _ => new(element.ValueKind, element.GetRawText()),
        };

    private void Write(StringBuilder text)
    {
        if (Kind is not (JsonValueKind.Object or JsonValueKind.Array))
        {
            text.Append(Raw);
            return;
        }
        var isObject = Kind == JsonValueKind.Object;
        text.Append(isObject ? '{' : '[');
        for (var i = 0; i < Members.Count; i++)
        {
            text.Append(i == 0 ? "" : ",");
            if (isObject)
            {
                text.Append(JsonSerializer.Serialize(Members[i].Key)).Append(':');
            }
            Members[i].Value.Write(text);
        }
        text.Append(isObject ? '}' : ']');
    }
}
