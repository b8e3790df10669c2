// What fuzzing found in the files of tokenizers, adapters and configurations, one of each kind.

using System.IO.Compression;
using System.Text.Json.Nodes;
using FlowBP.Families.Flux1;
using FlowBP.Families.Flux2;
using FlowBP.Families.Inspection;
using FlowBP.Families.SD3;
using FlowBP.Formats;
using FlowBP.Models.Adapters;
using FlowBP.Models.Autoencoders;
using FlowBP.Models.Clip;
using FlowBP.Models.Prompts;
using FlowBP.Models.Schedulers;
using FlowBP.Models.TextEncoders;
using FlowBP.Models.Tokenizers;

namespace FlowBP.Models.Tests.Fuzzing;

public sealed class HostileFileTests
{
    private TemporaryFolder folder = null!;

    [SetUp]
    public void CreateFolder() => folder = new();

    [TearDown]
    public void DeleteFolder() => folder.Dispose();

    [Test]
    public void A_list_of_merges_unpacks_to_no_more_than_one_has()
    {
        var file = folder.Of("merges.txt.gz");
        using (var zip = new GZipStream(File.Create(file), CompressionLevel.SmallestSize))
        {
            var zeros = new byte[1 << 20];
            for (var i = 0; i < 100; i++)
            {
                zip.Write(zeros);
            }
        }
        Assert.That(new FileInfo(file).Length, Is.LessThan(1 << 20));

        Refuses(() => ClipTokenizer.OpenClipFromMerges(file), file, "unpacks to more than 16777216 characters");
    }

    [Test]
    public void Two_merges_that_give_one_piece_are_refused()
    {
        var file = folder.Write("merges.txt", "#version\na b\nab c\nb c\na bc\n");

        Refuses(() => ClipTokenizer.OpenClipFromMerges(file), file, "found two merges that give 'abc'");
    }

    [Test]
    public void A_merge_into_a_piece_that_is_not_there_is_found_before_a_prompt_needs_it()
    {
        var json = JsonNode.Parse(
            File.ReadAllText(SharedFolder.Require("goldens/models/tokenizers/qwen_tokenizer.json"))
        )!;
        json["model"]!["merges"]!.AsArray().Add(new JsonArray("z", "q"));
        var file = folder.Write("tokenizer.json", json.ToJsonString());

        Refuses(() => QwenTokenizer.FromJson(file), file, "found the merge 'z q', expected a piece of the vocabulary");
    }

    [TestCase("2147483647", 77)]
    [TestCase("65537", 77)]
    [TestCase("16", 16)]
    public void A_prompt_has_no_more_tokens_than_a_model_was_made_for(string length, int expected)
    {
        CopyClip();
        folder.Write(
            "tokenizer_config.json",
            $$"""{"model_max_length": {{length}}, "pad_token": {"content": null} }"""
        );

        Assert.That(ClipTokenizer.FromFolder(folder.Path).MaxLength, Is.EqualTo(expected));
    }

    [Test]
    public void Half_a_letter_in_a_vocabulary_is_refused_with_its_place()
    {
        CopyClip();
        var file = folder.Of("vocab.json");
        File.WriteAllText(file, File.ReadAllText(file).Replace("{", "{\"\\ud83d\": 7, ", StringComparison.Ordinal));

        Refuses(
            () => ClipTokenizer.FromFolder(folder.Path),
            file,
            "holds half a letter (\\uD800 to \\uDFFF alone) at byte 1"
        );
    }

    [TestCase("\"shift\": 1e999", "key 'shift': found 1e999, expected a number")]
    [TestCase("\"shift\": 3, \"\\udc00\": 1", "holds half a letter")]
    [TestCase("\"shift\": 3, \"shift\": 4", "shift")]
    public void A_configuration_of_what_is_no_number_or_no_text_is_refused(string keys, string message)
    {
        var file = folder.Write("scheduler_config.json", $"{{{keys}}}");

        Refuses(() => FlowMatchEulerConfig.Read(file), file, message);
    }

    // A bound that is more than a network has would refuse the network's own weights.
    [Test]
    public void A_network_has_at_least_what_is_known_of_it_before_it_is_built()
    {
        (Int128 Least, Func<nn.Module> Make)[] networks =
        [
            (
                SD3Family.ReleasedTransformer.LeastElements,
                () => new SD3Transformer2DModel(SD3Family.ReleasedTransformer)
            ),
            (
                Flux1Family.ReleasedTransformer.LeastElements,
                () => new FluxTransformer2DModel(Flux1Family.ReleasedTransformer)
            ),
            (
                Flux2Family.ReleasedTransformer.LeastElements,
                () => new Flux2Transformer2DModel(Flux2Family.ReleasedTransformer)
            ),
            (SD3Family.ReleasedAutoencoder.LeastElements, () => new AutoencoderKL(SD3Family.ReleasedAutoencoder)),
            (
                Flux2Family.ReleasedAutoencoder.LeastElements,
                () => new AutoencoderKLFlux2(Flux2Family.ReleasedAutoencoder)
            ),
            (ClipTextConfig.ClipL.LeastElements, () => new CLIPTextModel(ClipTextConfig.ClipL)),
            (ClipTextConfig.ClipBigG.LeastElements, () => new CLIPTextModel(ClipTextConfig.ClipBigG)),
            (new T5Config().LeastElements, () => new T5EncoderModel(new T5Config())),
            (new Qwen3Config().LeastElements(32), () => new Qwen3TextEncoder(new Qwen3Config())),
            (new ClipConfig().LeastElements, () => new CLIPModel(new ClipConfig())),
            (OpenClipConfig.HpsV2.LeastElements, () => new OpenClipModel(OpenClipConfig.HpsV2)),
        ];
        foreach (var (least, make) in networks)
        {
            using var network = MetaNetwork.Build(make);
            var own = network.state_dict().Values.Sum(tensor => tensor.numel());
            Assert.That((double)least / own, Is.InRange(0.1, 1), network.GetName());
        }
    }

    // TorchSharp's own table takes its memory wherever new tensors go.
    [Test]
    public void A_table_of_terabytes_takes_no_memory_on_paper()
    {
        var file = folder.Write(
            "config.json",
            (
                TestNetworks.SmallClip.Text with
                {
                    VocabSize = int.MaxValue,
                    HiddenSize = 256,
                    NumAttentionHeads = 4,
                }
            ).ToJson()
        );

        using var network = NetworkConfig.Read(file).Single().Build();

        Assert.That(NetworkLayout.Of(network).Parameters, Is.GreaterThan(256L * int.MaxValue));
    }

    [Test]
    public void A_configuration_fills_no_message()
    {
        var file = folder.Write("scheduler_config.json", $$"""{"shift": "{{new string('x', 100_000)}}"}""");

        var refusal = Refuses(() => FlowMatchEulerConfig.Read(file), file, "key 'shift': found");

        Assert.That(refusal.Message, Has.Length.LessThan(1000));
    }

    [Test]
    public void A_normalisation_that_makes_a_book_of_a_letter_is_stopped()
    {
        var rewrites = string.Join(
            ',',
            Enumerable.Repeat("""{"type": "Replace", "pattern": {"String": "a"}, "content": "aaaaaaaaaa"}""", 30)
        );
        var file = folder.Write("tokenizer.json", T5(rewrites, "2", "-3"));
        var tokenizer = T5Tokenizer.FromJson(file);

        Refuses(
            () => tokenizer.Encode("a"),
            file,
            "its normalisation makes 10000 characters of a prompt, expected at most 1032"
        );
    }

    [TestCase("3", "-3", "model.unk_id: found 3, expected one of 3 pieces")]
    [TestCase("2", "1e999", "expected a finite score")]
    public void A_unigram_model_of_what_it_has_not_is_refused(string unknown, string score, string message)
    {
        var file = folder.Write("tokenizer.json", T5("", unknown, score));

        Refuses(() => T5Tokenizer.FromJson(file), file, message);
    }

    [Test]
    public void An_adapter_has_no_more_patterns_than_a_network_has_layers()
    {
        using var model = TestNetworks.Transformer();
        using (var adapter = TrainedAdapters.Trained(model))
        {
            adapter.Save(folder.Path);
        }
        File.Move(folder.Of("pytorch_lora_weights.safetensors"), folder.Of("adapter_model.safetensors"));
        var patterns = string.Join(',', Enumerable.Range(0, 10_001).Select(i => $"\"x{i}\": 1"));
        var file = folder.Write(
            "adapter_config.json",
            $$"""{"peft_type": "LORA", "r": 4, "lora_alpha": 6, "alpha_pattern": { {{patterns}} } }"""
        );

        Refuses(() => LoraAdapter.Load(model, folder.Path), file, "found more than 10000 patterns");
    }

    [Test]
    public void Embeddings_without_a_width_are_refused()
    {
        new EmbeddingsManifest(
            new("X", 8, []),
            SafetensorsType.F32,
            new Dictionary<string, long[]> { ["prompt_embeds"] = [] },
            4,
            []
        ).Write(folder.Path);

        Refuses(
            () => EmbeddingsManifest.Read(folder.Path),
            folder.Of(EmbeddingsManifest.FileName),
            "key 'shapes': found an empty shape"
        );
    }

    private void CopyClip()
    {
        foreach (var name in new[] { "vocab.json", "merges.txt" })
        {
            File.Copy(
                Path.Combine(SharedFolder.Repository!, "assets", "shapes", "model", "tokenizer", name),
                folder.Of(name)
            );
        }
    }

    private static string T5(string rewrites, string unknown, string score) =>
        $$"""
            {"added_tokens": [{"content": "<pad>", "id": 0}, {"content": "</s>", "id": 1}],
             "normalizer": {"type": "Sequence", "normalizers": [{{rewrites}}]},
             "pre_tokenizer": {"type": "Metaspace", "replacement": "▁", "prepend_scheme": "always"},
             "model": {"type": "Unigram", "unk_id": {{unknown}}, "byte_fallback": false,
               "vocab": [["<pad>", 0], ["</s>", 0], ["a", {{score}}]]} }
            """;

    private static CheckpointException Refuses(Action read, string file, string message)
    {
        var refusal = Assert.Throws<CheckpointException>(() => read())!;
        Assert.That(refusal.Message, Does.StartWith(file).And.Contains(message));
        return refusal;
    }
}
