// Tokenizers from strangers. One that was read must cut every prompt, into ids that it has: a piece that is missing is found when the
// file is read, and not in the prompt that needs it.

using System.Text;
using FlowBP.Formats;
using FlowBP.Models.Tokenizers;
using FlowBP.Tests.Fuzzing;

namespace FlowBP.Models.Tests.Fuzzing;

public sealed class TokenizerFuzzTests
{
    private const string T5 = """
        {
          "added_tokens": [
            {"content": "<pad>", "id": 0}, {"content": "</s>", "id": 1}, {"content": "<unk>", "id": 2, "lstrip": true}
          ],
          "normalizer": {"type": "Sequence", "normalizers": [
            {"type": "Replace", "pattern": {"Regex": " {2,}"}, "content": " "},
            {"type": "Replace", "pattern": {"String": "ab"}, "content": "ba"},
            {"type": "Strip", "strip_left": true, "strip_right": false}, {"type": "NFC"}
          ]},
          "pre_tokenizer": {"type": "Sequence", "pretokenizers": [
            {"type": "WhitespaceSplit"}, {"type": "Metaspace", "replacement": "▁", "prepend_scheme": "always"}
          ]},
          "post_processor": {"type": "TemplateProcessing", "single": [
            {"Sequence": {"id": "A", "type_id": 0}}, {"SpecialToken": {"id": "</s>", "type_id": 0}}
          ]},
          "model": {"type": "Unigram", "unk_id": 2, "byte_fallback": false, "vocab": [
            ["<pad>", 0], ["</s>", 0], ["<unk>", 0], ["▁", -3], ["a", -3], ["b", -3], ["c", -3],
            ["▁a", -2], ["▁ab", -2], ["bc", -2.5]
          ]}
        }
        """;

    private static readonly string[] s_prompts =
    [
        "a  red cat",
        "",
        " abcab  cab \t\n",
        "<unk> </s><pad> 🦀 é\u0301 日本",
        new('a', 3000),
        "<|im_end|>it's <|endoftext|>",
    ];

    private TemporaryFolder folder = null!;

    [SetUp]
    public void CreateFolder() => folder = new();

    [TearDown]
    public void DeleteFolder() => folder.Dispose();

    [Test]
    public void Fuzz_T5_tokenizers_are_read_or_refused_by_name()
    {
        var file = folder.Of("tokenizer.json");
        Check(
            50,
            file,
            T5,
            () =>
            {
                var tokenizer = T5Tokenizer.FromJson(file);
                Require(tokenizer.VocabularySize, s_prompts.SelectMany(tokenizer.Encode));
            }
        );
    }

    [Test]
    public void Fuzz_Qwen_tokenizers_are_read_or_refused_by_name()
    {
        var file = folder.Of("tokenizer.json");
        Check(51, file, Qwen(), () => ReadQwen(folder.Path), 3000);
    }

    [TestCase(52, "vocab.json")]
    [TestCase(53, "tokenizer_config.json")]
    [TestCase(54, "merges.txt")]
    public void Fuzz_CLIP_tokenizers_are_read_or_refused_by_name(int test, string changed)
    {
        foreach (var name in new[] { "vocab.json", "tokenizer_config.json", "merges.txt" })
        {
            File.Copy(
                Path.Combine(SharedFolder.Repository!, "assets", "shapes", "model", "tokenizer", name),
                folder.Of(name)
            );
        }
        var valid = File.ReadAllText(folder.Of(changed));
        Check(
            test,
            folder.Of(changed),
            valid,
            () =>
            {
                var tokenizer = ClipTokenizer.FromFolder(folder.Path);
                Assert.That(tokenizer.MaxLength, Is.InRange(2, 1 << 16));
                Require(tokenizer.VocabularySize, s_prompts.SelectMany(tokenizer.Tokenize).Select(id => (int)id));
            },
            named: folder.Path
        );
    }

    [Test]
    public void Fuzz_released_merges_are_read_or_refused_by_name()
    {
        var file = folder.Of("bpe_simple_vocab.txt");
        Check(
            55,
            file,
            "#version: 0.2\nt h\nth e</w>\na b\nab c</w>\n",
            () =>
            {
                var tokenizer = ClipTokenizer.OpenClipFromMerges(file);
                Require(tokenizer.VocabularySize, s_prompts.SelectMany(tokenizer.Tokenize).Select(id => (int)id));
            }
        );
    }

    [Test]
    public void Fuzz_SentencePiece_models_are_read_or_refused_by_name()
    {
        var file = folder.Of("spiece.model");
        var valid = SmallSentencePiece();
        var law = new ReaderLaw(file, typeof(CheckpointException));
        for (var number = 0; number < FuzzCases.Count(); number++)
        {
            var bytes = ByteMutations.Of(valid, FuzzCases.Random(56, number));
            File.WriteAllBytes(file, bytes);
            law.Require(
                number,
                bytes.Length,
                () =>
                {
                    var tokenizer = T5Tokenizer.FromSentencePiece(file);
                    Require(tokenizer.VocabularySize, s_prompts.SelectMany(tokenizer.Encode));
                }
            );
        }
        law.RequireKept();
    }

    private static void ReadQwen(string folder)
    {
        var tokenizer = QwenTokenizer.FromFolder(folder);
        Require(tokenizer.VocabularySize, s_prompts.SelectMany(tokenizer.Encode));
    }

    private static void Require(int vocabulary, IEnumerable<int> ids)
    {
        foreach (var id in ids)
        {
            if (id < 0 || id >= vocabulary)
            {
                Assert.Fail($"found id {id} of {vocabulary}");
            }
        }
    }

    private static void Check(
        int test,
        string file,
        string valid,
        Action read,
        int cases = FuzzCases.Usual,
        string? named = null
    )
    {
        File.WriteAllText(file, valid);
        read();
        var isJson = file.EndsWith(".json", StringComparison.Ordinal);
        var law = new ReaderLaw(named ?? file, typeof(CheckpointException));
        for (var number = 0; number < FuzzCases.Count(cases); number++)
        {
            var random = FuzzCases.Random(test, number);
            var bytes = isJson
                ? Encoding.UTF8.GetBytes(JsonMutations.Of(valid, random))
                : ByteMutations.Of(Encoding.UTF8.GetBytes(valid), random);
            File.WriteAllBytes(file, bytes);
            law.Require(number, 16_384 + bytes.Length, read);
        }
        law.RequireKept();
    }

    // Every byte, two merges, and the chat's markers.
    private static string Qwen()
    {
        string[] pieces = [.. BytePairEncoding.Alphabet, "ca", "cat"];
        var vocabulary = string.Join(
            ',',
            pieces.Select((piece, id) => $"{System.Text.Json.JsonSerializer.Serialize(piece)}:{id}")
        );
        return $$$"""
            {"added_tokens": [{"content": "<|im_start|>", "id": 300}, {"content": "<|im_end|>", "id": 301},
              {"content": "<|endoftext|>", "id": 302, "single_word": true}],
             "normalizer": {"type": "NFC"},
             "pre_tokenizer": {"type": "Sequence", "pretokenizers": [
               {"type": "Split", "pattern": {"Regex": {{{System.Text.Json.JsonSerializer.Serialize(
                QwenWords.Pattern
            )}}}},
                "behavior": "Isolated", "invert": false},
               {"type": "ByteLevel", "add_prefix_space": false, "use_regex": false}]},
             "model": {"type": "BPE", "vocab": { {{{vocabulary}}} }, "merges": [["c", "a"], "ca t"]}}
            """;
    }

    // Pieces (field 1: text, score, kind), the trainer's kind of model (2), the normaliser (3).
    private static byte[] SmallSentencePiece()
    {
        using var model = new MemoryStream();
        foreach (
            var (text, score, kind) in new[]
            {
                ("<pad>", 0f, 3),
                ("</s>", 0f, 3),
                ("<unk>", 0f, 2),
                ("▁", -3f, 1),
                ("a", -3f, 1),
                ("b", -3.5f, 1),
                ("▁a", -2f, 4),
            }
        )
        {
            var utf8 = Encoding.UTF8.GetBytes(text);
            byte[] piece = [0x0A, (byte)utf8.Length, .. utf8, 0x15, .. BitConverter.GetBytes(score), 0x18, (byte)kind];
            model.Write([0x0A, (byte)piece.Length, .. piece]);
        }
        model.Write([0x12, 2, 0x18, 1]);
        // A trie of two units, and replacements.
        byte[] map = [8, 0, 0, 0, 0, 4, 0, 0, (byte)'a', 5, 0, 0, (byte)'b', 0, (byte)'c', 0];
        model.Write([0x1A, (byte)(map.Length + 6), 0x12, (byte)map.Length, .. map, 0x18, 1, 0x20, 1]);
        return model.ToArray();
    }
}
