// Qwen's tokenizer: how text is cut, the two forms of the same vocabulary, the chat, damaged files.

using System.Text.Json;
using System.Text.Json.Nodes;
using FlowBP.Formats;
using FlowBP.Models.Tokenizers;

namespace FlowBP.Models.Tests;

public sealed class QwenTokenizerTests
{
    private string folder = "";

    [SetUp]
    public void CreateFolder() => folder = Directory.CreateTempSubdirectory("flowbp-qwen-words-").FullName;

    [TearDown]
    public void DeleteFolder() => Directory.Delete(folder, recursive: true);

    [TestCase("it's IT'S it'S", "it|'s| IT|'S| it|'S")]
    [TestCase("we'll've", "we|'ll|'ve")]
    [TestCase("'tis 'quoted'", "'t|is| '|quoted|'")]
    [TestCase("a1b22", "a|1|b|2|2")]
    [TestCase("(hello", "(hello")]
    [TestCase("((hello", "((|hello")]
    [TestCase("a  b   c", "a| | b|  | c")]
    [TestCase("a \n\n b", "a| \n\n| b")]
    [TestCase("a\r\nb \t", "a|\r\n|b| \t")]
    [TestCase("x!\n\ny", "x|!\n\n|y")]
    [TestCase(" !?x", " !?|x")]
    [TestCase("\tword", "\tword")]
    [TestCase("日本 語", "日本| 語")]
    [TestCase("𝕏𝕐 𝟙", "𝕏𝕐| |𝟙")]
    [TestCase("🙂x", "🙂x")]
    [TestCase("½²", "½|²")]
    public void A_text_is_cut_as_the_expression_cuts_it(string text, string words) =>
        Assert.That(QwenWords.Split(text), Is.EqualTo(words.Split('|')));

    // .NET's engine sees the same expression: on text of the basic plane both must agree, whatever the text.
    [Test]
    public void Random_texts_are_cut_as_a_regular_expression_cuts_them()
    {
        var expression = new System.Text.RegularExpressions.Regex(
            QwenWords.Pattern,
            System.Text.RegularExpressions.RegexOptions.CultureInvariant
        );
        const string alphabet = "aZé日 '\t\n\r  12½.,!-stSmdDlLrReEvV_";
        var random = new Random(11);
        for (var i = 0; i < 3000; i++)
        {
            var text = string.Concat(
                Enumerable.Range(0, random.Next(1, 14)).Select(_ => alphabet[random.Next(alphabet.Length)])
            );
            Assert.That(
                QwenWords.Split(text),
                Is.EqualTo(expression.Matches(text).Select(match => match.Value)),
                JsonSerializer.Serialize(text)
            );
        }
    }

    [Test]
    public void Both_forms_of_a_vocabulary_give_the_same_ids()
    {
        var json = Shared();
        WriteOlderForm();
        var files = QwenTokenizer.FromFolder(folder);

        Assert.That((files.VocabularySize, files.PadId), Is.EqualTo((json.VocabularySize, json.PadId)));
        foreach (var prompt in new[] { "a cat's 12 naïve  hats\n", "<|im_end|> and <think>", "e\u0301" })
        {
            Assert.That(
                files.Encode(QwenTokenizer.Chat(prompt)),
                Is.EqualTo(json.Encode(QwenTokenizer.Chat(prompt))),
                prompt
            );
        }
    }

    [Test]
    public void A_prompt_is_one_message_and_an_empty_thought()
    {
        var tokenizer = Shared();
        var ids = tokenizer.Encode(QwenTokenizer.Chat("a"));
        int Token(string text) => tokenizer.Encode(text).Single();

        Assert.That(ids[0], Is.EqualTo(Token("<|im_start|>")));
        Assert.That(ids.Count(id => id == Token("<|im_start|>")), Is.EqualTo(2));
        Assert.That(ids.Count(id => id == Token("<|im_end|>")), Is.EqualTo(1));
        Assert.That(Array.IndexOf(ids, Token("</think>")), Is.GreaterThan(Array.IndexOf(ids, Token("<think>"))));
    }

    [Test]
    public void Padding_is_at_the_end_and_masked()
    {
        using var scope = torch.NewDisposeScope();
        var tokenizer = Shared();
        var ids = tokenizer.Encode(QwenTokenizer.Chat("a"));

        var (padded, mask) = tokenizer.TokenizeChats(["a"], ids.Length + 2);
        var (cut, cutMask) = tokenizer.TokenizeChats(["a"], 5);

        Assert.That(padded.data<long>().ToArray(), Is.EqualTo(ids.Select(id => (long)id).Concat([900L, 900L])));
        Assert.That(mask.data<long>().ToArray(), Is.EqualTo(Enumerable.Repeat(1L, ids.Length).Concat([0L, 0L])));
        Assert.That(cut.data<long>().ToArray(), Is.EqualTo(ids.Take(5).Select(id => (long)id)));
        Assert.That(cutMask.data<long>().ToArray(), Has.All.EqualTo(1L));
    }

    [TestCase("pre_tokenizer.pretokenizers.0.pattern.Regex", "\"\\\\w+\"", "pre_tokenizer.pattern")]
    [TestCase("normalizer.type", "\"NFKC\"", "'NFKC'")]
    [TestCase("model.byte_fallback", "true", "byte_fallback")]
    [TestCase("model.end_of_word_suffix", "\"</w>\"", "end_of_word_suffix")]
    [TestCase("model.type", "\"WordPiece\"", "model.type")]
    [TestCase("model.merges.0", "[\"a\"]", "model.merges[0]")]
    [TestCase("model.vocab.a", "-3", "a token id")]
    [TestCase("added_tokens.1.content", "\"<|other|>\"", "'<|im_start|>'")]
    public void A_part_that_is_not_implemented_or_damaged_is_named(string path, string value, string named)
    {
        var json = JsonNode.Parse(File.ReadAllText(SharedFile()))!;
        var keys = path.Split('.');
        var parent = keys[..^1].Aggregate(json, (node, key) => int.TryParse(key, out var i) ? node[i]! : node[key]!);
        if (int.TryParse(keys[^1], out var index))
        {
            parent[index] = JsonNode.Parse(value);
        }
        else
        {
            parent[keys[^1]] = JsonNode.Parse(value);
        }
        var file = Path.Combine(folder, "tokenizer.json");
        File.WriteAllText(file, json.ToJsonString());

        Assert.That(
            () => QwenTokenizer.FromFolder(folder),
            Throws.TypeOf<CheckpointException>().With.Message.Contains(named).And.Message.StartsWith(file)
        );
    }

    [Test]
    public void A_vocabulary_that_lacks_a_byte_is_refused()
    {
        var json = JsonNode.Parse(File.ReadAllText(SharedFile()))!;
        json["model"]!["vocab"]!.AsObject().Remove("Ġ");
        File.WriteAllText(Path.Combine(folder, "tokenizer.json"), json.ToJsonString());

        Assert.That(
            () => QwenTokenizer.FromFolder(folder),
            Throws.TypeOf<CheckpointException>().With.Message.Contains("'Ġ'").And.Message.Contains("256 bytes")
        );
    }

    // vocab.json, merges.txt and a configuration with the added tokens, as older folders have them.
    private void WriteOlderForm()
    {
        var json = JsonNode.Parse(File.ReadAllText(SharedFile()))!;
        File.WriteAllText(Path.Combine(folder, "vocab.json"), json["model"]!["vocab"]!.ToJsonString());
        var merges = json["model"]!["merges"]!.AsArray().Select(pair => $"{pair![0]} {pair[1]}");
        File.WriteAllLines(Path.Combine(folder, "merges.txt"), merges.Prepend("#version: 0.2"));
        var added = new JsonObject();
        foreach (var token in json["added_tokens"]!.AsArray())
        {
            added[token!["id"]!.ToString()] = token.DeepClone();
        }
        var config = new JsonObject { ["added_tokens_decoder"] = added, ["pad_token"] = "<|endoftext|>" };
        File.WriteAllText(Path.Combine(folder, "tokenizer_config.json"), config.ToJsonString());
    }

    private static QwenTokenizer Shared() => QwenTokenizer.FromJson(SharedFile());

    private static string SharedFile() => SharedFolder.Require("goldens/models/tokenizers/qwen_tokenizer.json");
}
