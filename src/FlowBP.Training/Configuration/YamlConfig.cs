// A configuration needs little of YAML: words, numbers, lists of them, and mappings three deep. Everything else that YAML can do
// (aliases that unfold to gigabytes, tags that name types, merges, several documents) is refused as it is met, so nothing in a
// file can cost more than reading it. Events instead of objects: every value keeps its line.

using System.Globalization;
using System.Text;
using YamlDotNet.Core;
using YamlDotNet.Core.Events;
using YamlScalar = YamlDotNet.Core.Events.Scalar;

namespace FlowBP.Training.Configuration;

/// <summary>Reads configurations in YAML.</summary>
public static class YamlConfig
{
    /// <summary>Largest file that is read, bytes.</summary>
    public const int LargestFile = 1 << 20;

    private const int Deepest = 3;
    private const int LongestList = 1000;

    /// <summary>The values of a file, in its order.</summary>
    /// <param name="path">The file.</param>
    /// <exception cref="FileNotFoundException">There is no such file.</exception>
    /// <exception cref="ConfigurationException">It is no configuration; file and line are named.</exception>
    public static IReadOnlyList<ConfigEntry> Read(string path)
    {
        if (!File.Exists(path))
        {
            throw new FileNotFoundException($"no configuration file {path}");
        }
        using var stream = File.OpenRead(path);
        var bytes = new byte[LargestFile + 1];
        var length = stream.ReadAtLeast(bytes, bytes.Length, throwOnEndOfStream: false);
        if (length > LargestFile)
        {
            throw new ConfigurationException($"{path} is larger than {LargestFile} bytes: this is no configuration");
        }
        return Parse(Decode(bytes.AsSpan(0, length), path), path, Precedence.File);
    }

    /// <summary>The values of a text.</summary>
    /// <param name="text">YAML.</param>
    /// <param name="name">What it is called in messages.</param>
    /// <param name="precedence">What its values win over.</param>
    /// <exception cref="ConfigurationException">It is no configuration; name and line are given.</exception>
    public static IReadOnlyList<ConfigEntry> Parse(string text, string name, Precedence precedence)
    {
        var parser = new Parser(new StringReader(text));
        try
        {
            return new EventReader(parser, name, precedence).ReadDocument();
        }
        catch (YamlException e)
        {
            throw new ConfigurationException($"{name}, line {e.Start.Line}: this is not YAML: {e.Message}");
        }
        // What the scanner throws where it loses its way, in an unfinished list for one.
        catch (InvalidOperationException)
        {
            var line = parser.Current?.End.Line ?? 1;
            throw new ConfigurationException(
                $"{name}, after line {line}: this is not YAML: a bracket, quote or colon is amiss"
            );
        }
    }

    /// <summary>One value given as <c>key=value</c> or <c>section.key=value</c>; a value in brackets is a list.</summary>
    /// <param name="text">As typed.</param>
    /// <param name="origin">Where.</param>
    /// <exception cref="ConfigurationException">It has not that form.</exception>
    public static ConfigEntry ParseAssignment(string text, ValueOrigin origin)
    {
        var equals = text.IndexOf('=', StringComparison.Ordinal);
        var path = equals < 0 ? [] : text[..equals].Trim().Split('.');
        if (path.Length is 0 or > Deepest || path.Any(string.IsNullOrWhiteSpace))
        {
            throw origin.Refuse($"expected section.key=value or key=value, got '{text}'");
        }
        var value = text[(equals + 1)..].Trim();
        var isList = value.StartsWith('[') && value.EndsWith(']');
        return new(path, IsNull(value) ? "" : value, isList, origin);
    }

    private static string Decode(ReadOnlySpan<byte> bytes, string path)
    {
        try
        {
            return new UTF8Encoding(false, throwOnInvalidBytes: true).GetString(bytes).TrimStart('\uFEFF');
        }
        catch (DecoderFallbackException)
        {
            throw new ConfigurationException($"{path} is not text in UTF-8: this is no configuration");
        }
    }

    private static bool IsNull(string plain) => plain is "" or "~" or "null" or "Null" or "NULL";

    private sealed class EventReader(IParser parser, string name, Precedence precedence)
    {
        private readonly List<ConfigEntry> entries = [];

        public IReadOnlyList<ConfigEntry> ReadDocument()
        {
            parser.Consume<StreamStart>();
            if (!parser.TryConsume<DocumentStart>(out _))
            {
                throw new ConfigurationException($"{name} holds no settings");
            }
            if (!parser.Accept<MappingStart>(out _))
            {
                throw At(parser.Current!, "a configuration is a mapping, key: value");
            }
            ReadMapping([]);
            parser.Consume<DocumentEnd>();
            return parser.Accept<DocumentStart>(out var second)
                ? throw At(second, "a configuration is one document, this begins another")
                : entries;
        }

        private void ReadMapping(string[] path)
        {
            var start = parser.Consume<MappingStart>();
            Plain(start);
            if (path.Length >= Deepest)
            {
                throw At(start, $"{string.Join('.', path)} is nested too deeply: section.key: value");
            }
            Dictionary<string, long> lines = [];
            while (!parser.TryConsume<MappingEnd>(out _))
            {
                var key = parser.TryConsume<YamlScalar>(out var scalar)
                    ? Plain(scalar)
                    : throw At(parser.Current!, "a key is a word, followed by a colon");
                if (key.Value == "<<")
                {
                    throw At(key, "merging mappings (<<) is not supported: write the keys out");
                }
                string[] inner = [.. path, key.Value];
                if (!lines.TryAdd(key.Value, key.Start.Line))
                {
                    throw At(key, $"{string.Join('.', inner)} is given twice (first in line {lines[key.Value]})");
                }
                ReadValue(inner, key);
            }
        }

        private void ReadValue(string[] path, YamlScalar key)
        {
            if (parser.Accept<MappingStart>(out _))
            {
                ReadMapping(path);
            }
            else if (parser.TryConsume<SequenceStart>(out var list))
            {
                Plain(list);
                Add(path, $"[{string.Join(", ", ReadList(path))}]", isList: true, key);
            }
            else
            {
                var scalar = parser.TryConsume<YamlScalar>(out var found) ? Plain(found) : throw Unexpected();
                var isNull = scalar.Style == ScalarStyle.Plain && IsNull(scalar.Value);
                Add(path, isNull ? "" : scalar.Value, isList: false, key);
            }
        }

        private List<string> ReadList(string[] path)
        {
            List<string> items = [];
            while (!parser.TryConsume<SequenceEnd>(out _))
            {
                items.Add(parser.TryConsume<YamlScalar>(out var item) ? Plain(item).Value : throw Unexpected());
                if (items.Count > LongestList)
                {
                    throw At(parser.Current!, $"{string.Join('.', path)} has more than {LongestList} items");
                }
            }
            return items;
        }

        private void Add(string[] path, string text, bool isList, YamlScalar key) =>
            entries.Add(new(path, text, isList, new(precedence, Place(key))));

        private ConfigurationException Unexpected() =>
            parser.Current is AnchorAlias alias
                ? At(alias, $"aliases (*{alias.Value}) are not supported: write the value out")
                : At(parser.Current!, "a value is a word, a number, or a list of them");

        // Neither anchored nor tagged.
        private T Plain<T>(T node)
            where T : NodeEvent
        {
            if (!node.Anchor.IsEmpty)
            {
                throw At(node, $"anchors (&{node.Anchor.Value}) are not supported: write the value out");
            }
            return node.Tag.IsEmpty
                ? node
                : throw At(node, $"tags ({node.Tag.Value}) are not supported: a value is read as its setting needs it");
        }

        private ConfigurationException At(ParsingEvent found, string problem) => new($"{Place(found)}: {problem}");

        private string Place(ParsingEvent found) =>
            $"{name}, line {found.Start.Line.ToString(CultureInfo.InvariantCulture)}";
    }
}
