// T5's tokenizer: a vocabulary small enough to know the best cut, the two forms of the same vocabulary, damaged files.

using System.Text;
using System.Text.Json.Nodes;
using FlowBP.Formats;
using FlowBP.Models.Tokenizers;
using FlowBP.Verification;
using FlowBP.Verification.Networks;

namespace FlowBP.Models.Tests;

public sealed class T5TokenizerTests
{
    private string folder = "";

    [SetUp]
    public void CreateFolder() => folder = Directory.CreateTempSubdirectory("flowbp-t5-words-").FullName;

    [TearDown]
    public void DeleteFolder() => Directory.Delete(folder, recursive: true);

    // ▁ab + c costs 5, ▁a + bc costs 4, ▁ + a + b + c costs 12: the middle one is best though it is not the greedy one.
    [Test]
    public void The_most_probable_cut_wins_over_the_longest_piece() =>
        Assert.That(Small().Encode("abc"), Is.EqualTo(new[] { Id("▁a"), Id("bc"), 1 }));

    [Test]
    public void What_no_piece_covers_is_one_unknown_token() =>
        Assert.That(Small().Encode("a🙂日b"), Is.EqualTo(new[] { Id("▁a"), 2, Id("b"), 1 }));

    [Test]
    public void White_space_of_any_kind_and_length_separates_words() =>
        Assert.That(Small().Encode("  a\t\u3000 a\n"), Is.EqualTo(new[] { Id("▁a"), Id("▁a"), 1 }));

    [Test]
    public void An_added_token_in_a_prompt_is_that_token() =>
        Assert.That(Small().Encode("a</s>b"), Is.EqualTo(new[] { Id("▁a"), 1, Id("▁"), Id("b"), 1 }));

    [Test]
    public void A_short_prompt_is_padded_and_a_long_one_keeps_its_end()
    {
        var tokenizer = Small();
        var a = Id("▁a");
        Assert.That(tokenizer.Tokenize("a a", 5), Is.EqualTo(new long[] { a, a, 1, 0, 0 }));
        Assert.That(tokenizer.Tokenize("a a a a a a", 5), Is.EqualTo(new long[] { a, a, a, a, 1 }));
        Assert.That(tokenizer.CountTokens("a a a a a a"), Is.EqualTo(7));
        using var ids = tokenizer.Tokenize(["a", "a a a a a a"], 3);
        Assert.That(ids.data<long>().ToArray(), Is.EqualTo(new long[] { a, 1, 0, a, a, 1 }));
    }

    [Test]
    public void Both_forms_of_a_vocabulary_give_the_same_ids()
    {
        var shared = SharedFolder.Require("goldens/models/tokenizers");
        var json = T5Tokenizer.FromJson(Path.Combine(shared, "t5_tokenizer.json"));
        var model = T5Tokenizer.FromSentencePiece(Path.Combine(shared, "t5_spiece.model"), sentinels: 10);

        Assert.That(model.VocabularySize, Is.EqualTo(json.VocabularySize));
        foreach (
            var prompt in new[] { "a cat", "ﬁancée ½ ﷺ", "x<extra_id_3>y <pad>", "e\u0301\u0323 ①②③ ™", "\u200B\uFEFF" }
        )
        {
            Assert.That(model.Encode(prompt), Is.EqualTo(json.Encode(prompt)), prompt);
        }
    }

    [Test]
    public void A_wrong_id_in_a_fixture_fails_it()
    {
        var shared = SharedFolder.Require("goldens/models/tokenizers");
        var cases = JsonNode.Parse(File.ReadAllText(Path.Combine(shared, "t5_encodings.json")))!;
        cases["cases"]![2]!["ids"]![0] = 5;
        File.WriteAllText(Path.Combine(folder, "t5_encodings.json"), cases.ToJsonString());
        File.Copy(Path.Combine(shared, "t5_spiece.model"), Path.Combine(folder, "t5_spiece.model"));

        var result = TokenizerEncodingsFixture.Run(Path.Combine(folder, "t5_encodings.json")).Single();

        Assert.That((result.Name, result.Outcome), Is.EqualTo(("t5_spiece.model", FixtureOutcome.Failed)));
        Assert.That(result.Detail, Does.Contain("1 wrong").And.Contain("a photo of a cat"));
    }

    [TestCase("\"type\": \"Unigram\"", "\"type\": \"BPE\"", "model.type")]
    [TestCase("\"WhitespaceSplit\"", "\"Digits\"", "'Digits'")]
    [TestCase("\"Replace\"", "\"BertNormalizer\"", "'BertNormalizer'")]
    [TestCase("\"Regex\": \" {2,}\"", "\"Regex\": \"(?=a)\"", "look-around")]
    [TestCase("\"TemplateProcessing\"", "\"RobertaProcessing\"", "'RobertaProcessing'")]
    [TestCase("\"byte_fallback\": false", "\"byte_fallback\": true", "byte_fallback")]
    [TestCase("[\"bc\", -2]", "[\"b\", -2]", "'b' a second time")]
    [TestCase("[\"bc\", -2]", "[\"bc\"]", "a piece and its score")]
    [TestCase("\"</s>\", \"id\": 1", "\"<end>\", \"id\": 1", "'</s>'")]
    public void A_part_that_is_not_implemented_or_damaged_is_named(string text, string change, string named)
    {
        Assert.That(Json.Contains(text), Is.True, text);
        var file = Write("tokenizer.json", Json.Replace(text, change));
        Assert.That(
            () => T5Tokenizer.FromJson(file),
            Throws.TypeOf<CheckpointException>().With.Message.Contains(named).And.Message.StartsWith(file)
        );
    }

    [Test]
    public void A_damaged_SentencePiece_model_is_an_error_wherever_it_is_cut()
    {
        var whole = File.ReadAllBytes(SharedFolder.Require("goldens/models/tokenizers/t5_spiece.model"));
        var file = Path.Combine(folder, "spiece.model");
        foreach (var length in new[] { 0, 1, 2, 7, 100, whole.Length / 2, whole.Length - 1 })
        {
            File.WriteAllBytes(file, whole[..length]);
            Assert.That(
                () => T5Tokenizer.FromSentencePiece(file),
                Throws.TypeOf<CheckpointException>(),
                $"{length} bytes"
            );
        }
        File.WriteAllBytes(file, [0x0A, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0x7F]);
        Assert.That(
            () => T5Tokenizer.FromSentencePiece(file),
            Throws.TypeOf<CheckpointException>().With.Message.Contains("does not fit the file")
        );
    }

    [Test]
    public void A_folder_without_a_vocabulary_says_what_it_looked_for() =>
        Assert.That(
            () => T5Tokenizer.FromFolder(folder),
            Throws.TypeOf<CheckpointException>().With.Message.Contains("neither tokenizer.json nor spiece.model")
        );

    [Test]
    public void A_damaged_character_map_never_reads_outside_itself()
    {
        var random = new Random(5);
        for (var i = 0; i < 200; i++)
        {
            var bytes = new byte[4 + 4 * 64 + 16];
            random.NextBytes(bytes);
            BitConverter.TryWriteBytes(bytes, 4 * 64);
            var map = CharacterMap.Read(bytes)!;
            Assert.That(() => map.Apply("abcäöü日本語🙂"), Throws.Nothing);
        }
        Assert.That(CharacterMap.Read([]), Is.Null);
        Assert.That(CharacterMap.Read([255, 255, 255, 255, 0]), Is.Null);
        Assert.That(CharacterMap.Read([3, 0, 0, 0, 1, 2, 3]), Is.Null);
    }

    private static readonly string[] Pieces = ["<pad>", "</s>", "<unk>", "▁", "a", "b", "c", "▁a", "▁ab", "bc"];

    private const string Json = """
        {
          "added_tokens": [
            {"content": "<pad>", "id": 0}, {"content": "</s>", "id": 1}, {"content": "<unk>", "id": 2}
          ],
          "normalizer": {"type": "Sequence", "normalizers": [
            {"type": "Replace", "pattern": {"Regex": " {2,}"}, "content": " "}
          ]},
          "pre_tokenizer": {"type": "Sequence", "pretokenizers": [
            {"type": "WhitespaceSplit"}, {"type": "Metaspace", "replacement": "▁", "prepend_scheme": "always"}
          ]},
          "post_processor": {"type": "TemplateProcessing", "single": [
            {"Sequence": {"id": "A", "type_id": 0}}, {"SpecialToken": {"id": "</s>", "type_id": 0}}
          ]},
          "model": {"type": "Unigram", "unk_id": 2, "byte_fallback": false, "vocab": [
            ["<pad>", 0], ["</s>", 0], ["<unk>", 0], ["▁", -3], ["a", -3], ["b", -3], ["c", -3],
            ["▁a", -2], ["▁ab", -2], ["bc", -2]
          ]}
        }
        """;

    private static int Id(string piece) => Array.IndexOf(Pieces, piece);

    private T5Tokenizer Small() => T5Tokenizer.FromJson(Write("tokenizer.json", Json));

    private string Write(string name, string text)
    {
        var file = Path.Combine(folder, name);
        File.WriteAllText(file, text, new UTF8Encoding(encoderShouldEmitUTF8Identifier: false));
        return file;
    }
}
