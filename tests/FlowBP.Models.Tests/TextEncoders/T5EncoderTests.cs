// The T5 encoder: closed forms of its positions, invariances, and the ways in which its files can differ.

using FlowBP.Formats;
using FlowBP.Models.Clip;
using FlowBP.Models.TextEncoders;
using static FlowBP.Models.Tests.TestNetworks;

namespace FlowBP.Models.Tests;

public sealed class T5EncoderTests
{
    // Every extent differs from every other, so a shape says which extents it is made of.
    private static readonly T5Config Small = new()
    {
        VocabSize = 11,
        DModel = 6,
        DKv = 7,
        DFf = 10,
        NumLayers = 2,
        NumHeads = 2,
        RelativeAttentionNumBuckets = 8,
        FeedForwardProj = "gated-gelu",
    };

    private string folder = "";

    [SetUp]
    public void CreateFolder() => folder = Directory.CreateTempSubdirectory("flowbp-t5-").FullName;

    [TearDown]
    public void DeleteFolder() => Directory.Delete(folder, recursive: true);

    // Near distances have a row each; from 8 on a row begins at every power of √2 times 8, rounded up.
    [TestCase(0, 0)]
    [TestCase(-1, 1)]
    [TestCase(-7, 7)]
    [TestCase(-8, 8)]
    [TestCase(-11, 8)]
    [TestCase(-12, 9)]
    [TestCase(-15, 9)]
    [TestCase(-16, 10)]
    [TestCase(-22, 10)]
    [TestCase(-23, 11)]
    [TestCase(-31, 11)]
    [TestCase(-32, 12)]
    [TestCase(-45, 12)]
    [TestCase(-46, 13)]
    [TestCase(-63, 13)]
    [TestCase(-64, 14)]
    [TestCase(-90, 14)]
    [TestCase(-91, 15)]
    [TestCase(-511, 15)]
    [TestCase(1, 17)]
    [TestCase(8, 24)]
    [TestCase(511, 31)]
    public void An_offset_has_the_row_of_its_octave(int offset, int row) =>
        Assert.That(T5RelativePositions.Bucket(offset, 32, 128), Is.EqualTo(row));

    [Test]
    public void Padding_behind_a_mask_leaves_the_tokens_as_they_are()
    {
        using var scope = torch.NewDisposeScope();
        using var noGrad = torch.no_grad();
        var model = Model();

        var alone = model.call(Ids(3, 4, 5));
        var padded = model.Encode(Ids(3, 4, 5, 0, 0), torch.tensor(new long[] { 1, 1, 1, 0, 0 }).unsqueeze(0));
        var unmasked = model.call(Ids(3, 4, 5, 0, 0));

        Assert.That(Values(padded.narrow(1, 0, 3)), Is.EqualTo(Values(alone)).Within(1e-5));
        Assert.That(Values(unmasked.narrow(1, 0, 3)), Is.Not.EqualTo(Values(alone)).Within(1e-3));
    }

    [TestCase(true, true)]
    [TestCase(true, false)]
    [TestCase(false, true)]
    public void The_token_embedding_is_read_under_either_of_its_names(bool shared, bool embedTokens)
    {
        using var scope = torch.NewDisposeScope();
        var saved = Model();
        var tensors = saved.state_dict();
        foreach (var (name, keep) in new[] { ("shared.weight", shared), ("encoder.embed_tokens.weight", embedTokens) })
        {
            if (!keep)
            {
                tensors.Remove(name);
            }
        }
        Write(tensors);

        var loaded = T5EncoderModel.FromFolder(folder);

        Assert.That(Values(loaded.call(Ids(1, 2, 9))), Is.EqualTo(Values(saved.call(Ids(1, 2, 9)))));
    }

    [Test]
    public void A_missing_weight_is_named()
    {
        using var scope = torch.NewDisposeScope();
        var tensors = Model().state_dict();
        tensors.Remove("shared.weight");
        tensors.Remove("encoder.embed_tokens.weight");
        Write(tensors);

        Assert.That(
            () => T5EncoderModel.FromFolder(folder),
            Throws
                .TypeOf<CheckpointException>()
                .With.Message.Contains("tensor 'shared.weight': found none, expected [11, 6]")
        );
    }

    [Test]
    public void Weights_in_several_files_are_one_model()
    {
        using var scope = torch.NewDisposeScope();
        var saved = Model();
        WriteSharded(saved.state_dict(), "b.safetensors");

        var loaded = T5EncoderModel.FromFolder(folder);

        Assert.That(Values(loaded.call(Ids(1, 2, 9))), Is.EqualTo(Values(saved.call(Ids(1, 2, 9)))));
    }

    [TestCase("../b.safetensors")]
    [TestCase("/tmp/b.safetensors")]
    [TestCase("..")]
    public void An_index_that_points_outside_its_folder_is_refused(string place)
    {
        using var scope = torch.NewDisposeScope();
        WriteSharded(Model().state_dict(), place);

        Assert.That(
            () => T5EncoderModel.FromFolder(folder),
            Throws.TypeOf<CheckpointException>().With.Message.Contains($"'{place}'").And.Message.Contains("folder")
        );
    }

    [Test]
    public void The_released_configuration_of_the_encoder_reads_as_itself()
    {
        var json = ConfigReader.Parse(
            "config.json",
            """
            {
              "_name_or_path": "google/t5-v1_1-xxl", "architectures": ["T5EncoderModel"], "classifier_dropout": 0.0,
              "d_ff": 10240, "d_kv": 64, "d_model": 4096, "decoder_start_token_id": 0, "dense_act_fn": "gelu_new",
              "dropout_rate": 0.1, "eos_token_id": 1, "feed_forward_proj": "gated-gelu", "initializer_factor": 1.0,
              "is_encoder_decoder": true, "is_gated_act": true, "layer_norm_epsilon": 1e-06, "model_type": "t5",
              "num_decoder_layers": 24, "num_heads": 64, "num_layers": 24, "output_past": true, "pad_token_id": 0,
              "relative_attention_max_distance": 128, "relative_attention_num_buckets": 32,
              "tie_word_embeddings": false, "torch_dtype": "bfloat16", "transformers_version": "4.43.3",
              "use_cache": true, "vocab_size": 32128
            }
            """
        );

        Assert.That(T5Config.Read(json), Is.EqualTo(T5Config.Xxl));
    }

    [Test]
    public void A_configuration_of_another_network_is_refused_by_its_type() =>
        Assert.That(
            () => T5Config.Read(ConfigReader.Parse("config.json", """{"model_type": "qwen3", "hidden_size": 8}""")),
            Throws.TypeOf<CheckpointException>().With.Message.Contains("found a network of type 'qwen3', expected 't5'")
        );

    [Test]
    public void A_configuration_survives_writing()
    {
        var read = T5Config.Read(ConfigReader.Parse("config.json", Small.ToJson()));
        Assert.That(read, Is.EqualTo(Small));
    }

    [Test]
    public void The_full_size_encoder_has_the_released_names_and_shapes()
    {
        var small = Small with { NumLayers = T5Config.Xxl.NumLayers };
        var full = T5Config.OfReleasedWidth("layout", ReleasedLayout.ConfigNumber("t5-xxl-encoder", "d_model"));

        ReleasedLayout.AssertSame(
            "t5-xxl-encoder",
            new T5EncoderModel(small),
            new Dictionary<long, long>
            {
                [small.VocabSize] = full.VocabSize,
                [small.DModel] = full.DModel,
                [small.NumHeads * small.DKv] = full.NumHeads * full.DKv,
                [small.DFf] = full.DFf,
                [small.RelativeAttentionNumBuckets] = full.RelativeAttentionNumBuckets,
                [small.NumHeads] = full.NumHeads,
            }
        );
    }

    [TestCase("clip-l-text")]
    [TestCase("clip-bigg-text")]
    public void The_full_size_text_towers_have_the_released_names_and_shapes(string layout)
    {
        var full = ClipTextConfig.OfReleasedWidth(layout, ReleasedLayout.ConfigNumber(layout, "hidden_size"));
        ClipTextConfig small = new()
        {
            VocabSize = 20,
            HiddenSize = 8,
            IntermediateSize = 12,
            ProjectionDim = 6,
            NumHiddenLayers = full.NumHiddenLayers,
            NumAttentionHeads = 2,
            MaxPositionEmbeddings = 7,
        };

        ReleasedLayout.AssertSame(
            layout,
            new CLIPTextModelWithProjection(small),
            new Dictionary<long, long>
            {
                [small.VocabSize] = full.VocabSize,
                [small.HiddenSize] = full.HiddenSize,
                [small.IntermediateSize] = full.IntermediateSize,
                [small.ProjectionDim] = full.ProjectionDim,
                [small.MaxPositionEmbeddings] = full.MaxPositionEmbeddings,
            }
        );
    }

    private static T5EncoderModel Model() => Busy(new T5EncoderModel(Small));

    private static Tensor Ids(params long[] ids) => torch.tensor(ids).unsqueeze(0);

    private void Write(Dictionary<string, Tensor> tensors)
    {
        File.WriteAllText(Path.Combine(folder, "config.json"), Small.ToJson());
        SafetensorsWriter.Write(Path.Combine(folder, "model.safetensors"), tensors);
    }

    private void WriteSharded(Dictionary<string, Tensor> tensors, string second)
    {
        File.WriteAllText(Path.Combine(folder, "config.json"), Small.ToJson());
        string[] names = [.. tensors.Keys.Order(StringComparer.Ordinal)];
        Dictionary<string, Tensor> Half(int parity) =>
            names.Where((_, i) => i % 2 == parity).ToDictionary(name => name, name => tensors[name]);
        SafetensorsWriter.Write(Path.Combine(folder, "a.safetensors"), Half(0));
        SafetensorsWriter.Write(Path.Combine(folder, "b.safetensors"), Half(1));
        var map = names.Select((name, i) => $"\"{name}\": \"{(i % 2 == 0 ? "a.safetensors" : second)}\"");
        File.WriteAllText(
            Path.Combine(folder, "model.safetensors.index.json"),
            $$"""{"metadata": {}, "weight_map": { {{string.Join(", ", map)}} } }"""
        );
    }
}
