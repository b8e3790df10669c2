// Qwen3 as a text encoder: what a causal network with shared key heads must satisfy whatever its weights are.

using FlowBP.Formats;
using FlowBP.Models.TextEncoders;
using static FlowBP.Models.Tests.TestNetworks;

namespace FlowBP.Models.Tests;

public sealed class Qwen3TextEncoderTests
{
    private static readonly Qwen3Config Small = new()
    {
        VocabSize = 13,
        HiddenSize = 8,
        IntermediateSize = 12,
        NumHiddenLayers = 3,
        NumAttentionHeads = 4,
        NumKeyValueHeads = 2,
        HeadDim = 6,
        MaxPositionEmbeddings = 64,
        RopeTheta = 1e6,
    };

    [Test]
    public void A_later_token_changes_nothing_before_it()
    {
        using var scope = torch.NewDisposeScope();
        using var noGrad = torch.no_grad();
        var model = Busy(new Qwen3TextEncoder(Small));

        var one = model.call(Ids(1, 2, 3, 4), null)[^1];
        var other = model.call(Ids(1, 2, 3, 9), null)[^1];

        Assert.That(Values(other.narrow(1, 0, 3)), Is.EqualTo(Values(one.narrow(1, 0, 3))).Within(1e-6));
        Assert.That(Values(other.narrow(1, 3, 1)), Is.Not.EqualTo(Values(one.narrow(1, 3, 1))).Within(1e-3));
    }

    [Test]
    public void Masked_padding_changes_no_token_and_keeps_its_own_rows()
    {
        using var scope = torch.NewDisposeScope();
        using var noGrad = torch.no_grad();
        var model = Busy(new Qwen3TextEncoder(Small));
        var mask = torch.tensor(new long[] { 1, 1, 0, 0 }).unsqueeze(0);

        var alone = model.EncodeLayers(Ids(5, 6), null, [1, 2]);
        var padded = model.EncodeLayers(Ids(5, 6, 0, 0), mask, [1, 2]);

        Assert.That(padded.shape, Is.EqualTo(new long[] { 1, 4, 16 }));
        Assert.That(Values(padded.narrow(1, 0, 2)), Is.EqualTo(Values(alone)).Within(1e-6));
        Assert.That(padded.isfinite().all().item<bool>(), Is.True);
    }

    [Test]
    public void A_shared_key_head_is_the_same_as_repeated_ones()
    {
        using var scope = torch.NewDisposeScope();
        using var noGrad = torch.no_grad();
        var shared = Busy(new Qwen3TextEncoder(Small));
        var repeated = new Qwen3TextEncoder(Small with { NumKeyValueHeads = 4 });
        var from = shared.state_dict();
        foreach (var (name, to) in repeated.state_dict())
        {
            var isKeyOrValue = name.Contains("k_proj") || name.Contains("v_proj");
            to.copy_(isKeyOrValue ? from[name].unflatten(0, [2, 6]).repeat_interleave(2, 0).flatten(0, 1) : from[name]);
        }

        Assert.That(
            Values(repeated.call(Ids(1, 2, 3), null)[^1]),
            Is.EqualTo(Values(shared.call(Ids(1, 2, 3), null)[^1])).Within(1e-6)
        );
    }

    [Test]
    public void Fewer_layers_give_the_same_states_up_to_there()
    {
        using var scope = torch.NewDisposeScope();
        using var noGrad = torch.no_grad();
        var folder = Directory.CreateTempSubdirectory("flowbp-qwen-").FullName;
        try
        {
            var whole = Busy(new Qwen3TextEncoder(Small));
            var tensors = whole.state_dict();
            tensors["lm_head.weight"] = Waves(13, 8);
            SafetensorsWriter.Write(Path.Combine(folder, "model.safetensors"), tensors);
            File.WriteAllText(Path.Combine(folder, "config.json"), Small.ToJson());

            var cut = Qwen3TextEncoder.FromFolder(folder, layers: 2);

            var expected = whole.call(Ids(1, 2, 3), null);
            var found = cut.call(Ids(1, 2, 3), null);
            Assert.That(found, Has.Count.EqualTo(3));
            for (var i = 0; i < found.Count; i++)
            {
                Assert.That(Values(found[i]), Is.EqualTo(Values(expected[i])), $"state {i}");
            }
            Assert.That(
                () => Qwen3TextEncoder.FromFolder(folder, layers: 27),
                Throws
                    .TypeOf<CheckpointException>()
                    .With.Message.Contains("'num_hidden_layers': found 3, expected at least 27")
            );
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    [TestCase(true)]
    [TestCase(false)]
    public void Logits_are_the_normalised_states_times_the_projection(bool tied)
    {
        using var scope = torch.NewDisposeScope();
        using var noGrad = torch.no_grad();
        var config = Small with { TieWordEmbeddings = tied };
        var whole = Busy(new Qwen3ForCausalLM(config));
        var tensors = whole.state_dict();
        var states = new Qwen3TextEncoder(config);
        states.load_state_dict(tensors.Where(t => t.Key != "lm_head.weight").ToDictionary());

        var expected = states
            .call(Ids(1, 2, 3), null)[^1]
            .matmul(tensors[tied ? "model.embed_tokens.weight" : "lm_head.weight"].t());

        Assert.That(tensors.ContainsKey("lm_head.weight"), Is.EqualTo(!tied));
        Assert.That(Values(whole.call(Ids(1, 2, 3), null)), Is.EqualTo(Values(expected)).Within(1e-5));
    }

    [Test]
    public void The_released_configuration_reads_as_itself()
    {
        var config = Qwen3Config.Read(
            ConfigReader.Parse(
                "config.json",
                """
                {
                  "architectures": ["Qwen3ForCausalLM"], "attention_bias": false, "attention_dropout": 0.0,
                  "bos_token_id": 151643, "eos_token_id": 151645, "head_dim": 128, "hidden_act": "silu",
                  "hidden_size": 4096, "initializer_range": 0.02, "intermediate_size": 12288,
                  "max_position_embeddings": 40960, "max_window_layers": 36, "model_type": "qwen3",
                  "num_attention_heads": 32, "num_hidden_layers": 36, "num_key_value_heads": 8, "rms_norm_eps": 1e-06,
                  "rope_scaling": null, "rope_theta": 1000000, "sliding_window": null, "tie_word_embeddings": false,
                  "torch_dtype": "bfloat16", "transformers_version": "4.51.0", "use_cache": true,
                  "use_sliding_window": false, "vocab_size": 151936
                }
                """
            )
        );

        Assert.That(
            (
                config.HiddenSize,
                config.IntermediateSize,
                config.NumHiddenLayers,
                config.NumKeyValueHeads,
                config.RopeTheta
            ),
            Is.EqualTo((4096, 12288, 36, 8, 1e6))
        );
        Assert.That(Qwen3Config.Read(ConfigReader.Parse("config.json", config.ToJson())), Is.EqualTo(config));
    }

    [TestCase("""{"use_sliding_window": true}""", "use_sliding_window")]
    [TestCase("""{"rope_scaling": {"rope_type": "yarn", "factor": 4.0}}""", "rope_type")]
    [TestCase("""{"layer_types": ["sliding_attention"]}""", "layer_types")]
    [TestCase("""{"model_type": "qwen2"}""", "'qwen2'")]
    [TestCase("""{"head_dims": 128}""", "did you mean head_dim?")]
    [TestCase("""{"num_attention_heads": 6, "num_key_value_heads": 4}""", "6")]
    public void What_is_not_implemented_is_refused_by_name(string json, string named) =>
        Assert.That(
            () => Qwen3Config.Read(ConfigReader.Parse("config.json", json)),
            Throws.TypeOf<CheckpointException>().With.Message.Contains(named)
        );

    private static Tensor Ids(params long[] ids) => torch.tensor(ids).unsqueeze(0);
}
