// A configuration class is the list of its keys: a property that can be set is the key of its name in snake_case, and its initial value
// is what a file means that leaves the key out.

using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.Json.Serialization.Metadata;

namespace FlowBP.Formats;

/// <summary>Reads and writes records whose properties are keys of a config.json.</summary>
public static class ConfigRecord
{
    private static readonly JsonSerializerOptions s_options = new()
    {
        PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower,
        IgnoreReadOnlyProperties = true,
        TypeInfoResolver = new DefaultJsonTypeInfoResolver(),
    };

    /// <summary>Fills a record: integers, numbers, flags, texts and lists of integers.</summary>
    /// <param name="json">The object.</param>
    /// <param name="record">A new record, whose values are those of absent keys; it is changed and returned.</param>
    /// <param name="without">Keys that are left alone.</param>
    /// <exception cref="CheckpointException">A key is ill-typed.</exception>
    public static T Fill<T>(this ConfigReader json, T record, params ReadOnlySpan<string> without)
        where T : class
    {
        foreach (var property in s_options.GetTypeInfo(typeof(T)).Properties)
        {
            if (property.Set is { } set && !without.Contains(property.Name))
            {
                set(record, json.Read(property.Name, property.Get!(record)!));
            }
        }
        return record;
    }

    /// <summary>The keys of a record as JSON, sorted.</summary>
    /// <param name="record">The record.</param>
    /// <param name="others">Keys that are none of its properties, or have another value than those.</param>
    public static JsonObject ToJsonObject<T>(T record, params ReadOnlySpan<(string Key, JsonNode? Value)> others)
        where T : class
    {
        var keys = JsonSerializer.SerializeToNode(record, s_options)!.AsObject();
        foreach (var (key, value) in others)
        {
            keys[key] = value;
        }
        var sorted = keys.OrderBy(pair => pair.Key, StringComparer.Ordinal).ToArray();
        // A node is in one object at a time.
        keys.Clear();
        return new(sorted);
    }
}
