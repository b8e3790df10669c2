// Text encoders with and without the prefix of the model around them, with positions as lists of numbers, with the tokenizer in one
// file: the same networks.

using System.Text.Json.Nodes;
using FlowBP.Formats;
using FlowBP.Models.Clip;
using FlowBP.Models.TextEncoders;
using FlowBP.Models.Tokenizers;
using static FlowBP.Models.Tests.TestNetworks;

namespace FlowBP.Models.Tests;

public sealed class TextEncoderFilesTests
{
    private static readonly Qwen3Config Qwen = new()
    {
        VocabSize = 13,
        HiddenSize = 8,
        IntermediateSize = 12,
        NumHiddenLayers = 2,
        NumAttentionHeads = 2,
        NumKeyValueHeads = 1,
        HeadDim = 4,
    };

    private static readonly T5Config T5 = new()
    {
        VocabSize = 11,
        DModel = 8,
        DKv = 4,
        DFf = 12,
        NumLayers = 2,
        NumHeads = 2,
    };

    private static readonly Dictionary<
        string,
        (Func<nn.Module> New, Func<string, nn.Module> Load, string Config, string Prefix)
    > Encoders = new()
    {
        ["CLIP"] = (
            () => new CLIPTextModel(SmallClip.Text),
            CLIPTextModel.FromFolder,
            SmallClip.Text.ToJson(),
            "text_model."
        ),
        ["CLIP, projected"] = (
            () => new CLIPTextModelWithProjection(SmallClip.Text),
            CLIPTextModelWithProjection.FromFolder,
            SmallClip.Text.ToJson(),
            "text_model."
        ),
        ["T5"] = (() => new T5EncoderModel(T5), path => T5EncoderModel.FromFolder(path), T5.ToJson(), "encoder."),
        ["Qwen3"] = (
            () => new Qwen3TextEncoder(Qwen),
            path => Qwen3TextEncoder.FromFolder(path),
            Qwen.ToJson(),
            "model."
        ),
    };

    private static readonly string[] Names = [.. Encoders.Keys];

    private TemporaryFolder folder = null!;

    [SetUp]
    public void CreateFolder() => folder = new TemporaryFolder();

    [TearDown]
    public void DeleteFolder() => folder.Dispose();

    [Test]
    public void An_encoder_loads_with_its_prefix_and_without_and_with_one_more(
        [ValueSource(nameof(Names))] string name,
        [Values("", "-", "transformer.")] string change
    )
    {
        using var scope = torch.NewDisposeScope();
        var (create, load, config, prefix) = Encoders[name];
        var network = Busy(create());
        Write(
            config,
            network
                .state_dict()
                .Where(pair => !pair.Key.StartsWith("encoder.embed_tokens", StringComparison.Ordinal))
                .ToDictionary(
                    pair =>
                        change == "-" && pair.Key.StartsWith(prefix, StringComparison.Ordinal)
                            ? pair.Key[prefix.Length..]
                        : change == "-" ? pair.Key
                        : change + pair.Key,
                    pair => pair.Value.detach()
                )
        );

        using var loaded = load(folder.Path);

        var expected = network.state_dict();
        foreach (var (tensor, value) in loaded.state_dict())
        {
            Assert.That(Values(value), Is.EqualTo(Values(expected[tensor])), tensor);
        }
    }

    [TestCase("CLIP", "text_model.embeddings.position_ids")]
    [TestCase("CLIP", "embeddings.position_ids")]
    [TestCase("CLIP, projected", "text_model.embeddings.position_ids")]
    [TestCase("Qwen3", "model.rotary_emb.inv_freq")]
    [TestCase("Qwen3", "model.layers.1.self_attn.rotary_emb.inv_freq")]
    [TestCase("Qwen3", "layers.0.self_attn.rotary_emb.inv_freq")]
    public void Positions_as_numbers_have_no_effect(string name, string tensor)
    {
        using var scope = torch.NewDisposeScope();
        var (create, load, config, _) = Encoders[name];
        var tensors = Busy(create()).state_dict().ToDictionary(pair => pair.Key, pair => pair.Value.detach());
        tensors[tensor] = torch.arange(7, dtype: ScalarType.Int64).reshape(1, 7);
        Write(config, tensors);

        using var loaded = load(folder.Path);

        Assert.That(loaded.state_dict(), Has.Count.EqualTo(tensors.Count - 1));
    }

    [Test]
    public void A_two_tower_model_may_have_positions_in_both()
    {
        using var scope = torch.NewDisposeScope();
        using var model = TwoTowers();
        var tensors = model.state_dict().ToDictionary(pair => pair.Key, pair => pair.Value.detach());
        tensors["text_model.embeddings.position_ids"] = torch.arange(7, dtype: ScalarType.Int64).reshape(1, 7);
        tensors["vision_model.embeddings.position_ids"] = torch.arange(5, dtype: ScalarType.Int64).reshape(1, 5);
        Write(SmallClip.ToJson(), tensors);

        using var loaded = CLIPModel.FromFolder(folder.Path);

        Assert.That(Values(loaded.LogitScale), Is.EqualTo(Values(model.LogitScale)));
    }

    [Test]
    public void A_tensor_under_two_names_is_refused_rather_than_chosen()
    {
        using var scope = torch.NewDisposeScope();
        var tensors = Busy(new CLIPTextModel(SmallClip.Text))
            .state_dict()
            .ToDictionary(pair => pair.Key, pair => pair.Value.detach());
        tensors["final_layer_norm.weight"] = torch.zeros(8);
        Write(SmallClip.Text.ToJson(), tensors);

        Assert.That(
            () => CLIPTextModel.FromFolder(folder.Path),
            Throws
                .TypeOf<CheckpointException>()
                .With.Message.Contains("one tensor that is text_model.final_layer_norm.weight")
        );
    }

    [Test]
    public void The_last_layers_state_is_normalised_and_no_other()
    {
        using var scope = torch.NewDisposeScope();
        using var noGrad = torch.no_grad();
        var all = Busy(new Qwen3TextEncoder(Qwen));
        var ids = torch.tensor(new long[] { 1, 2, 3 }).unsqueeze(0);
        var tensors = all.state_dict().ToDictionary(pair => pair.Key, pair => pair.Value.clone());
        Write(Qwen.ToJson(), tensors);
        var two = Qwen3TextEncoder.FromFolder(folder.Path, layers: 2);
        var one = Qwen3TextEncoder.FromFolder(folder.Path, layers: 1);
        var before = (Last: Values(two.call(ids, null)[2]), Inner: Values(two.call(ids, null)[1]));

        tensors["model.norm.weight"] = tensors["model.norm.weight"] * 3;
        Write(Qwen.ToJson(), tensors);
        var scaled = Qwen3TextEncoder.FromFolder(folder.Path, layers: 2);

        using (Assert.EnterMultipleScope())
        {
            Assert.That(Values(scaled.call(ids, null)[2]), Is.EqualTo(before.Last.Select(v => 3 * v)).Within(1e-5));
            Assert.That(Values(scaled.call(ids, null)[1]), Is.EqualTo(before.Inner));
            Assert.That(Values(one.call(ids, null)[1]), Is.EqualTo(before.Inner));
            Assert.That(one.state_dict().Keys, Has.None.EqualTo("model.norm.weight"));
        }
    }

    [Test]
    public void A_tokenizer_in_one_file_cuts_prompts_as_the_one_in_two()
    {
        ClipVocabularyBuilder.Write(folder.Of("old"), ["red", "circle", "photo"], 16);
        WriteJson(json => json);
        var old = ClipTokenizer.FromFolder(folder.Of("old"));
        var one = ClipTokenizer.FromFolder(folder.Of("new"));

        foreach (
            var prompt in new[] { "a photo of a red circle", "", "RED  circle!", "<|endoftext|>red", "cafe\u0301 12" }
        )
        {
            Assert.That(one.Tokenize(prompt), Is.EqualTo(old.Tokenize(prompt)), prompt);
        }
        Assert.That(
            (one.PadId, one.MaxLength, one.VocabularySize),
            Is.EqualTo((old.PadId, old.MaxLength, old.VocabularySize))
        );
    }

    [Test]
    public void A_tokenizer_that_cuts_otherwise_is_refused()
    {
        ClipVocabularyBuilder.Write(folder.Of("old"), ["red"], 16);
        void Refuses(Action<JsonObject> change, string message)
        {
            WriteJson(json =>
            {
                change(json);
                return json;
            });
            Assert.That(
                () => ClipTokenizer.FromFolder(folder.Of("new")),
                Throws.TypeOf<CheckpointException>().With.Message.Contains(message)
            );
        }

        Refuses(json => json["normalizer"] = new JsonObject { ["type"] = "NFC" }, "normalizer: found 'NFC'");
        Refuses(json => json["model"]!["end_of_word_suffix"] = "", "model.end_of_word_suffix");
        Refuses(json => json["model"]!["type"] = "Unigram", "model.type: found 'Unigram'");
        Refuses(
            json => json["pre_tokenizer"]!["pretokenizers"]![0]!["pattern"]!["Regex"] = @"\w+",
            "pre_tokenizer.pattern"
        );
        Refuses(json => json["pre_tokenizer"]!["pretokenizers"]![0]!["invert"] = false, "pre_tokenizer.invert");
    }

    private void Write(string config, Dictionary<string, Tensor> tensors)
    {
        File.WriteAllText(folder.Of("config.json"), config);
        SafetensorsWriter.Write(
            folder.Of("model.safetensors"),
            tensors.ToDictionary(pair => pair.Key, pair => pair.Value.contiguous())
        );
    }

    private void WriteJson(Func<JsonObject, JsonObject> change)
    {
        Directory.CreateDirectory(folder.Of("new"));
        var merges = new JsonArray();
        foreach (var line in File.ReadLines(folder.Of("old", "merges.txt")).Skip(1).Where(line => line.Length > 0))
        {
            var pair = line.Split(' ');
            merges.Add((JsonNode)new JsonArray(pair[0], pair[1]));
        }
        var json = (JsonObject)
            JsonNode.Parse(
                """
                {"version":"1.0","added_tokens":[],
                 "normalizer":{"type":"Sequence","normalizers":[{"type":"NFC"},
                   {"type":"Replace","pattern":{"Regex":"\\s+"},"content":" "},{"type":"Lowercase"}]},
                 "pre_tokenizer":{"type":"Sequence","pretokenizers":[
                   {"type":"Split","pattern":{"Regex":"'s|'t|'re|'ve|'m|'ll|'d|[\\p{L}]+|[\\p{N}]|[^\\s\\p{L}\\p{N}]+"},
                    "behavior":"Removed","invert":true},
                   {"type":"ByteLevel","add_prefix_space":false,"trim_offsets":true,"use_regex":true}]},
                 "model":{"type":"BPE","dropout":null,"unk_token":"<|endoftext|>","continuing_subword_prefix":"",
                   "end_of_word_suffix":"</w>","fuse_unk":false,"byte_fallback":false,"ignore_merges":false}}
                """
            )!;
        json["model"]!["vocab"] = JsonNode.Parse(File.ReadAllText(folder.Of("old", "vocab.json")));
        json["model"]!["merges"] = merges;
        File.WriteAllText(folder.Of("new", "tokenizer.json"), change(json).ToJsonString());
        File.Copy(
            folder.Of("old", "tokenizer_config.json"),
            folder.Of("new", "tokenizer_config.json"),
            overwrite: true
        );
    }
}
