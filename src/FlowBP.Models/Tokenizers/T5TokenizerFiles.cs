// The two kinds of file that a T5 tokenizer is made of.

using System.Text.Json;
using System.Text.RegularExpressions;
using FlowBP.Formats;

namespace FlowBP.Models.Tokenizers;

internal static class T5TokenizerFiles
{
    /// <summary>A tokenizer.json with a unigram model.</summary>
    public static T5Tokenizer FromJson(string file)
    {
        using var json = TokenizerJson.Open(file);
        var model = json.Model("Unigram");
        json.Require(model, "byte_fallback", "model", "false");
        var vocabulary =
            TokenizerJson.Optional(model, "vocab") ?? throw json.Wrong("model.vocab", "none", "a list of pieces");
        var pieces = new Dictionary<string, (int, double)>(StringComparer.Ordinal);
        double lowest = 0;
        var id = 0;
        foreach (var entry in json.Items(vocabulary, "model.vocab"))
        {
            if (
                entry.ValueKind != JsonValueKind.Array
                || entry.GetArrayLength() != 2
                || entry[0].ValueKind != JsonValueKind.String
                || entry[1].ValueKind != JsonValueKind.Number
            )
            {
                throw json.Wrong($"model.vocab[{id}]", entry.GetRawText(), "a piece and its score");
            }
            var score = entry[1].GetDouble();
            if (!double.IsFinite(score))
            {
                throw json.Wrong($"model.vocab[{id}]", entry.GetRawText(), "a finite score");
            }
            lowest = Math.Min(lowest, score);
            if (!pieces.TryAdd(entry[0].GetString()!, (id, score)))
            {
                throw json.Wrong($"model.vocab[{id}]", $"'{entry[0].GetString()}' a second time", "unique pieces");
            }
            id++;
        }
        pieces.Remove("");
        var added = new AddedTokens(json.AddedTokens());
        var (before, after) = Template(json, added);
        var unknown = json.Id(model, "unk_id");
        if (unknown >= id)
        {
            throw json.Wrong("model.unk_id", $"{unknown}", $"one of {id} pieces");
        }
        return new T5Tokenizer(
            file,
            added,
            Pretokenization(json),
            new UnigramModel(pieces, unknown, lowest),
            before,
            after,
            id
        );
    }

    /// <summary>A SentencePiece model; its end token closes every prompt.</summary>
    public static T5Tokenizer FromSentencePiece(string file, int sentinels)
    {
        var model = SentencePieceFile.Open(file);
        if (!model.AddsDummyPrefix || !model.RemovesExtraSpaces)
        {
            throw CheckpointException.ForFile(
                file,
                "found a normalisation that keeps leading or repeated spaces, expected T5's, which marks every word once"
            );
        }
        var pieces = new Dictionary<string, (int, double)>(StringComparer.Ordinal);
        var added = new List<AddedToken>();
        int? unknown = null;
        for (var id = 0; id < model.Pieces.Count; id++)
        {
            var piece = model.Pieces[id];
            switch (piece.Kind)
            {
                case SentencePieceKind.Normal or SentencePieceKind.UserDefined:
                    if (!pieces.TryAdd(piece.Text, (id, piece.Score)))
                    {
                        throw CheckpointException.ForFile(file, $"piece {id}: found '{piece.Text}' a second time");
                    }
                    break;
                case SentencePieceKind.Byte:
                    throw CheckpointException.ForFile(
                        file,
                        $"piece {id}: found a byte piece, expected none in T5's model"
                    );
                case SentencePieceKind.Control or SentencePieceKind.Unknown:
                    unknown = piece.Kind == SentencePieceKind.Unknown ? id : unknown;
                    added.Add(new AddedToken(piece.Text, id));
                    break;
            }
        }
        for (var i = 0; i < sentinels; i++)
        {
            added.Add(new AddedToken($"<extra_id_{i}>", model.Pieces.Count + sentinels - 1 - i));
        }
        double lowest = model.Pieces.Min(piece => piece.Score);
        List<Func<string, string>> rewrites = [Regex(" {2,}", " ")];
        if (model.CharacterMap.Length > 0)
        {
            var map =
                CharacterMap.Read(model.CharacterMap)
                ?? throw CheckpointException.ForFile(file, "found a damaged character map");
            rewrites.Insert(0, map.Apply);
        }
        var tokens = new AddedTokens(added);
        return new T5Tokenizer(
            file,
            tokens,
            new T5Pretokenization { File = file, Rewrites = rewrites },
            new UnigramModel(
                pieces,
                unknown ?? throw CheckpointException.ForFile(file, "found no piece for what is unknown"),
                lowest
            ),
            before: [],
            after: tokens.Find(T5Tokenizer.EndOfText) is { } end ? [end] : [],
            model.Pieces.Count
        );
    }

    private static T5Pretokenization Pretokenization(TokenizerJson json)
    {
        var result = new T5Pretokenization
        {
            File = json.File,
            Rewrites = [.. Rewrites(json)],
            SplitsAtWhiteSpace = false,
        };
        var marks = false;
        foreach (var part in json.Sequence(json.Part("pre_tokenizer"), "pre_tokenizer", "pretokenizers"))
        {
            switch (json.Type(part, "pre_tokenizer"))
            {
                case "WhitespaceSplit" when !marks:
                    result = result with { SplitsAtWhiteSpace = true };
                    break;
                case "Metaspace" when !marks:
                    marks = true;
                    var old = TokenizerJson.Flag(part, "add_prefix_space", fallback: true);
                    var scheme =
                        TokenizerJson.Optional(part, "prepend_scheme")?.ToString() ?? (old ? "always" : "never");
                    result = result with
                    {
                        Mark = json.Text(part, "replacement", "pre_tokenizer"),
                        SplitsAtMarks = TokenizerJson.Flag(part, "split", fallback: true),
                        First = scheme switch
                        {
                            "always" => FirstMark.Always,
                            "first" => FirstMark.AtStartOfPrompt,
                            "never" => FirstMark.Never,
                            _ => throw json.Wrong(
                                "pre_tokenizer.prepend_scheme",
                                $"'{scheme}'",
                                "always, first or never"
                            ),
                        },
                    };
                    break;
                case var other:
                    throw json.Wrong("pre_tokenizer", $"'{other}'", "WhitespaceSplit, then Metaspace");
            }
        }
        return marks ? result : throw json.Wrong("pre_tokenizer", "no Metaspace", "one: T5's pieces carry marks");
    }

    private static IEnumerable<Func<string, string>> Rewrites(TokenizerJson json)
    {
        foreach (var part in json.Sequence(json.Part("normalizer"), "normalizer", "normalizers"))
        {
            yield return json.Type(part, "normalizer") switch
            {
                "Precompiled" => Compiled(json, json.Text(part, "precompiled_charsmap", "normalizer")),
                "Replace" => Replacement(json, part),
                "Strip" => Strip(TokenizerJson.Flag(part, "strip_left"), TokenizerJson.Flag(part, "strip_right")),
                "NFC" => UnicodeComposition.Compose,
                var other => throw json.Wrong("normalizer", $"'{other}'", "Precompiled, Replace, Strip or NFC"),
            };
        }
    }

    private static Func<string, string> Compiled(TokenizerJson json, string base64)
    {
        var bytes = new byte[base64.Length];
        var map = Convert.TryFromBase64String(base64, bytes, out var count)
            ? CharacterMap.Read(bytes.AsSpan(0, count))
            : null;
        return map is null
            ? throw json.Wrong("normalizer.precompiled_charsmap", "no compiled map", "one in base 64")
            : map.Apply;
    }

    private static Func<string, string> Replacement(TokenizerJson json, JsonElement part)
    {
        var content = json.Text(part, "content", "normalizer");
        var pattern =
            TokenizerJson.Optional(part, "pattern") ?? throw json.Wrong("normalizer.pattern", "none", "a pattern");
        if (TokenizerJson.Optional(pattern, "String") is not null)
        {
            var literal = json.Text(pattern, "String", "normalizer.pattern");
            return literal.Length == 0
                ? throw json.Wrong("normalizer.pattern", "an empty text", "a text to replace")
                : text => text.Replace(literal, content);
        }
        var expression = json.Text(pattern, "Regex", "normalizer.pattern");
        try
        {
            return Regex(expression, content);
        }
        catch (Exception e) when (e is ArgumentException or NotSupportedException)
        {
            throw json.Wrong("normalizer.pattern", $"'{expression}'", "a regular expression without look-around");
        }
    }

    // The expression comes from a file: matching must take linear time whatever it says.
    private static Func<string, string> Regex(string expression, string content)
    {
        var compiled = new Regex(expression, RegexOptions.NonBacktracking | RegexOptions.CultureInvariant);
        return text => compiled.Replace(text, _ => content);
    }

    private static Func<string, string> Strip(bool left, bool right) =>
        text =>
            (left, right) switch
            {
                (true, true) => text.Trim(),
                (true, false) => text.TrimStart(),
                (false, true) => text.TrimEnd(),
                _ => text,
            };

    // What the post-processor puts before and after a prompt.
    private static (int[] Before, int[] After) Template(TokenizerJson json, AddedTokens added)
    {
        if (json.Part("post_processor") is not { } part)
        {
            return ([], []);
        }
        var type = json.Type(part, "post_processor");
        var single = TokenizerJson.Optional(part, "single");
        if (type != "TemplateProcessing" || single is not { } items)
        {
            throw json.Wrong("post_processor", $"'{type}'", "TemplateProcessing with a template of a single sequence");
        }
        List<int> before = [];
        List<int> after = [];
        var seen = false;
        foreach (var item in json.Items(items, "post_processor.single"))
        {
            if (TokenizerJson.Optional(item, "SpecialToken") is { } special)
            {
                var name = json.Text(special, "id", "post_processor.single");
                var id = added.Find(name) ?? throw json.Wrong("post_processor.single", $"'{name}'", "an added token");
                (seen ? after : before).Add(id);
            }
            else
            {
                seen = true;
            }
        }
        return ([.. before], [.. after]);
    }
}
