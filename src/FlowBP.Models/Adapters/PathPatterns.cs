// PEFT's settings of single layers: numbers by a pattern of the layer's path.

using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using FlowBP.Formats;

namespace FlowBP.Models.Adapters;

/// <summary>Numbers for some layers.</summary>
internal sealed class PathPatterns
{
    private const int MostPatterns = 10_000;

    private readonly PeftKeys keys;
    private readonly string key;
    private readonly (string Pattern, Lazy<Regex> Regex, double Value)[] numbers;

    private PathPatterns(PeftKeys keys, string key, IEnumerable<(string Pattern, double Value)> numbers)
    {
        this.keys = keys;
        this.key = key;
        // Each is compiled once, when a layer first asks for it, and not for every layer anew.
        this.numbers =
        [
            .. numbers.Select(each => (each.Pattern, new Lazy<Regex>(() => Compiled(each.Pattern)), each.Value)),
        ];
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
                JsonObject { Count: > MostPatterns } => throw keys.Problem(
                    key,
                    $"found more than {MostPatterns} patterns, expected no more than a network has layers"
                ),
                JsonObject pattern => pattern.Select(pair => (pair.Key, keys.Number($"{key}.{pair.Key}", pair.Value))),
                { } other => throw keys.Wrong(key, other, "numbers by layer"),
            }
        );

    /// <summary>The number of the first pattern that matches the end of a layer's path; null: none does.</summary>
    /// <exception cref="CheckpointException">A pattern is none.</exception>
    public double? Find(string path)
    {
        foreach (var (pattern, regex, value) in numbers)
        {
            // PEFT's patterns are regular expressions; those that it writes are paths. The engine without backtracking
            // takes linear time whatever a hostile file says.
            if (pattern == path || regex.Value.IsMatch(path))
            {
                return value;
            }
        }
        return null;
    }

    private Regex Compiled(string pattern)
    {
        try
        {
            return new($@"^(.*\.)?({pattern})$", RegexOptions.NonBacktracking | RegexOptions.CultureInvariant);
        }
        catch (Exception e) when (e is ArgumentException or NotSupportedException)
        {
            throw keys.Problem(key, $"found '{CheckpointException.Shorten(pattern)}', expected the path of a layer");
        }
    }
}
