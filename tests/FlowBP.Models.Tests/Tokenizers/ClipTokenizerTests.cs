// Token ids decide what a text tower sees: they must equal the reference's for every prompt, however odd.

using System.Text.Json;
using System.Text.Json.Nodes;
using FlowBP.Formats;
using FlowBP.Models.Tokenizers;

namespace FlowBP.Models.Tests;

public sealed class ClipTokenizerTests
{
    private string folder = "";

    [SetUp]
    public void CreateFolder() => folder = Directory.CreateTempSubdirectory("flowbp-tokenizer-").FullName;

    [TearDown]
    public void DeleteFolder() => Directory.Delete(folder, recursive: true);

    [Test]
    public void Open_clip_tokens_equal_the_reference()
    {
        var tokenizer = ClipTokenizer.OpenClipFromMerges(ReleasedMerges());
        using (Assert.EnterMultipleScope())
        {
            foreach (var expected in Cases())
            {
                var prompt = expected.GetProperty("prompt").GetString()!;
                Assert.That(tokenizer.Encode(prompt), Is.EqualTo(Ids<int>(expected, "hps_bpe")), prompt);
                Assert.That(tokenizer.Tokenize(prompt), Is.EqualTo(Ids<long>(expected, "hps")), prompt);
            }
        }
    }

    [Test]
    public void Transformers_tokens_equal_the_reference()
    {
        var tokenizer = ClipTokenizer.TransformersFromMerges(ReleasedMerges());
        using (Assert.EnterMultipleScope())
        {
            foreach (var expected in Cases())
            {
                var prompt = expected.GetProperty("prompt").GetString()!;
                Assert.That(tokenizer.Tokenize(prompt), Is.EqualTo(Ids<long>(expected, "hf_clip")), prompt);
            }
        }
    }

    [Test]
    public void The_second_tokenizer_of_stable_diffusion_3_pads_with_an_exclamation_mark()
    {
        var tokenizer = ClipTokenizer.TransformersFromMerges(ReleasedMerges(), padToken: "!");

        var ids = tokenizer.Tokenize("cat");

        Assert.That(ids[..3], Is.EqualTo(new long[] { 49406, 2368, 49407 }));
        Assert.That(ids[3..], Is.All.EqualTo(0));
    }

    [Test]
    public void Built_vocabulary_gives_every_word_one_token()
    {
        string[] words =
        [
            "three",
            "red",
            "tree",
            "thread",
            "a",
            "of",
            "photo",
            "the",
            "hree",
            "re",
            "circle",
            ",",
            "3",
        ];
        ClipVocabularyBuilder.Write(folder, words, maxLength: 16);
        var tokenizer = ClipTokenizer.FromFolder(folder);

        foreach (var word in words)
        {
            Assert.That(tokenizer.Encode(word), Has.Length.EqualTo(1), word);
        }
        Assert.That(words.Select(word => tokenizer.Encode(word)[0]), Is.Unique);
    }

    [Test]
    public void Built_vocabulary_ends_with_end_of_text_which_also_pads()
    {
        ClipVocabularyBuilder.Write(folder, ["red", "circle"], maxLength: 6);
        var tokenizer = ClipTokenizer.FromFolder(folder);
        var red = tokenizer.Encode("red")[0];
        var circle = tokenizer.Encode("circle")[0];

        Assert.That(tokenizer.EndId, Is.EqualTo(tokenizer.VocabularySize - 1));
        Assert.That(
            tokenizer.Tokenize("Red  CIRCLE"),
            Is.EqualTo(new long[] { tokenizer.StartId, red, circle, tokenizer.EndId, tokenizer.EndId, tokenizer.EndId })
        );
    }

    [Test]
    public void Built_vocabulary_decodes_what_it_encodes()
    {
        ClipVocabularyBuilder.Write(folder, ["a", "red", "circle", "left", "of"], maxLength: 16);
        var tokenizer = ClipTokenizer.FromFolder(folder);

        var ids = tokenizer.Encode("a red circle left of a circle");

        var vocabulary = JsonNode.Parse(File.ReadAllText(Path.Combine(folder, "vocab.json")))!.AsObject();
        var pieces = vocabulary.ToDictionary(entry => (int)entry.Value!, entry => entry.Key);
        Assert.That(
            string.Concat(ids.Select(id => pieces[id])).Replace("</w>", " ").TrimEnd(),
            Is.EqualTo("a red circle left of a circle")
        );
    }

    [Test]
    public void A_long_prompt_is_cut_but_keeps_its_end()
    {
        ClipVocabularyBuilder.Write(folder, ["red"], maxLength: 5);
        var tokenizer = ClipTokenizer.FromFolder(folder);
        var red = tokenizer.Encode("red")[0];

        Assert.That(tokenizer.CountTokens("red red red red"), Is.EqualTo(6));
        Assert.That(
            tokenizer.Tokenize("red red red red"),
            Is.EqualTo(new long[] { tokenizer.StartId, red, red, red, tokenizer.EndId })
        );
    }

    [TestCase("Red")]
    [TestCase("two words")]
    [TestCase("")]
    [TestCase("a1")]
    [TestCase("12")]
    public void A_word_that_would_be_cut_is_refused(string word)
    {
        Assert.That(() => ClipVocabularyBuilder.Write(folder, [word], 16), Throws.ArgumentException);
    }

    [Test]
    public void A_missing_vocabulary_is_named()
    {
        Assert.That(
            () => ClipTokenizer.FromFolder(folder),
            Throws.TypeOf<CheckpointException>().With.Message.Contains("vocab.json: no such file")
        );
    }

    [TestCase("e\u0301", "\u00E9")]
    [TestCase("a\u0323\u0302", "\u1EAD")]
    [TestCase("a\u0302\u0323", "\u1EAD")]
    [TestCase("\u1112\u1161\u11AB", "\uD55C")]
    [TestCase("\u212B", "\u00C5")]
    [TestCase("\u0958", "\u0915\u093C")]
    public void Composition_follows_unicode(string text, string composed)
    {
        Assert.That(UnicodeComposition.Compose(text), Is.EqualTo(composed));
    }

    private static string ReleasedMerges() => SharedFolder.Require("data/bpe_simple_vocab_16e6.txt.gz");

    private static JsonElement[] Cases()
    {
        var file = SharedFolder.Require("goldens/models/tokenizers/clip.json");
        using var json = JsonDocument.Parse(File.ReadAllText(file));
        return [.. json.RootElement.GetProperty("cases").Clone().EnumerateArray()];
    }

    private static T[] Ids<T>(JsonElement expected, string key) => expected.GetProperty(key).Deserialize<T[]>()!;
}
