// PEFT's settings of single layers: numbers by a pattern of the layer's path.

using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using FlowBP.Formats;

namespace FlowBP.Models.Adapters;

/// <summary>Numbers for some layers.</summary>
internal sealed class PathPatterns
{
    private readonly PeftKeys keys;
    private readonly string key;
    private readonly Dictionary<string, double> numbers;

    private PathPatterns(PeftKeys keys, string key, Dictionary<string, double> numbers)
    {
        this.keys = keys;
        this.key = key;
        this.numbers = numbers;
    }

    /// <summary>Reads the patterns of a key; there may be none.</summary>
    /// <exception cref="CheckpointException">It holds something else.</exception>
    public static PathPatterns Of(PeftKeys keys, string key) =>
        new(
            keys,
            key,
            keys.Value(key) switch
            {
                null => [],
                JsonObject pattern => pattern.ToDictionary(
                    pair => pair.Key,
                    pair => keys.Number($"{key}.{pair.Key}", pair.Value),
                    StringComparer.Ordinal
                ),
                { } other => throw keys.Wrong(key, other, "numbers by layer"),
            }
        );

    /// <summary>The number of the first pattern that matches the end of a layer's path; null: none does.</summary>
    /// <exception cref="CheckpointException">A pattern is none.</exception>
    public double? Find(string path)
    {
        foreach (var (pattern, value) in numbers)
        {
            // PEFT's patterns are regular expressions; those that it writes are paths. The engine without backtracking
            // takes linear time whatever a hostile file says.
            if (pattern == path || Matches(pattern, path))
            {
                return value;
            }
        }
        return null;
    }

    private bool Matches(string pattern, string path)
    {
        try
        {
            return Regex.IsMatch(
                path,
                $@"^(.*\.)?({pattern})$",
                RegexOptions.NonBacktracking | RegexOptions.CultureInvariant
            );
        }
        catch (Exception e) when (e is ArgumentException or NotSupportedException)
        {
            throw keys.Problem(key, $"found '{CheckpointException.Shorten(pattern)}', expected the path of a layer");
        }
    }
}
