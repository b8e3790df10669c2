// What must hold of the networks whatever their weights are.

using System.Text.Json;
using FlowBP.Families.Networks;
using FlowBP.Families.SD3;
using FlowBP.Models.Autoencoders;
using FlowBP.Models.Clip;
using FlowBP.Models.Layers;
using FlowBP.Models.Rewards;
using FlowBP.Models.Transformers;
using static FlowBP.Models.Tests.TestNetworks;

namespace FlowBP.Models.Tests;

public sealed class NetworkTests
{
    private DisposeScope scope = null!;

    [SetUp]
    public void OpenScope() => scope = torch.NewDisposeScope();

    [TearDown]
    public void CloseScope() => scope.Dispose();

    [Test]
    public void Transformer_is_its_embedding_its_blocks_and_its_head()
    {
        var model = Transformer();
        var latents = Waves(2, 4, 6, 8);
        var text = Waves(2, 5, 12);
        var pooled = Waves(2, 6);
        var time = torch.tensor(new float[] { 250, 900 });

        var input = new TransformerInput(latents, text, pooled, time);
        var ops = new TensorOperations(null);
        var streams = model.Embed(ops, input);
        foreach (var block in model.Blocks)
        {
            streams = block.Apply(ops, streams);
        }
        var composed = model.Head(ops, streams, new TokenGrid(3, 4));

        Assert.That(streams.Text, Is.Null);
        Assert.That(Values(composed), Is.EqualTo(Values(model.call(input))));
    }

    [Test]
    public void New_transformer_predicts_zero_velocity()
    {
        var model = new SD3Transformer2DModel(TransformerConfig);
        ParameterInitialization.Apply(model, seed: 1);

        var velocity = model.call(new(Waves(1, 4, 8, 8), Waves(1, 5, 12), Waves(1, 6), torch.tensor(new[] { 500f })));

        Assert.That(Values(velocity), Is.All.EqualTo(0f));
    }

    [TestCase(true, 3, 10, 5)]
    [TestCase(false, 3, 10, 5)]
    [TestCase(true, 1, 2, 1)]
    [TestCase(false, 12, 2, 77)]
    public void Transformer_treats_samples_alike_whatever_the_size(bool qkNorm, int height, int width, int tokens)
    {
        var model = Transformer(TransformerConfig with { QkNorm = qkNorm, PatchSize = 1, PosEmbedMaxSize = 12 });
        var latents = Waves(1, 4, height, width);
        var text = Waves(1, tokens, 12);
        var pooled = Waves(1, 6);

        var one = model.call(new(latents, text, pooled, torch.tensor(new[] { 300f })));
        var two = model.call(
            new(
                latents.repeat(2, 1, 1, 1),
                text.repeat(2, 1, 1),
                pooled.repeat(2, 1),
                torch.tensor(new[] { 300f, 300f })
            )
        );

        Assert.That(one.shape, Is.EqualTo(new long[] { 1, 4, height, width }));
        // The same sums in another blocking: float32 rounding only.
        Assert.That(Values(two[1]), Is.EqualTo(Values(one[0])).Within(1e-5));
    }

    [Test]
    public void Transformer_refuses_an_image_beyond_its_position_table()
    {
        var model = Transformer();

        Assert.That(
            () => model.call(new(Waves(1, 4, 14, 8), Waves(1, 5, 12), Waves(1, 6), torch.tensor(new[] { 1f }))),
            Throws.ArgumentException.With.Message.Contains("found 7 × 4 patches of 2, expected at most 6 × 6")
        );
    }

    [Test]
    public void Position_table_is_sines_and_cosines_of_column_then_row()
    {
        var model = new SD3Transformer2DModel(TransformerConfig);

        // 8 latent elements are 4 patches, spread over a table of 6: row 2, column 5 lies at (4/6·5, 4/6·2).
        var row = Values(model.state_dict()["pos_embed.pos_embed"][0][2 * 6 + 5]);

        var x = 5 * 4 / 6.0;
        var y = 2 * 4 / 6.0;
        Assert.That(row[0], Is.EqualTo(Math.Sin(x)).Within(1e-6));
        Assert.That(row[4], Is.EqualTo(Math.Cos(x)).Within(1e-6));
        Assert.That(row[8], Is.EqualTo(Math.Sin(y)).Within(1e-6));
        Assert.That(row[13], Is.EqualTo(Math.Cos(y / 10)).Within(1e-6));
    }

    [Test]
    public void Scaling_of_latents_is_undone_by_unscaling()
    {
        var vae = Autoencoder();
        var z = Waves(1, 4, 2, 3);

        var scaled = vae.Scale(z);

        Assert.That(Values(scaled), Is.EqualTo(Values((z - 0.5) * 1.25)).Within(1e-6));
        Assert.That(Values(vae.Unscale(scaled)), Is.EqualTo(Values(z)).Within(1e-6));
    }

    [TestCase(true, true)]
    [TestCase(false, false)]
    public void Autoencoder_keeps_the_size_of_an_image_and_has_the_layers_it_was_asked_for(
        bool attention,
        bool convolutions
    )
    {
        var vae = Autoencoder(
            AutoencoderConfig with
            {
                MidBlockAddAttention = attention,
                UseQuantConv = convolutions,
                UsePostQuantConv = convolutions,
            }
        );
        var image = Waves(2, 3, 6, 10);

        Assert.That(vae.EncodeMoments(image).shape, Is.EqualTo(new long[] { 2, 8, 3, 5 }));
        Assert.That(vae.call(image).shape, Is.EqualTo(image.shape));
        string[] names = [.. vae.state_dict().Keys];
        Assert.That(names.Any(name => name.Contains("attentions")), Is.EqualTo(attention));
        Assert.That(names.Count(name => name.Contains("quant_conv")), Is.EqualTo(convolutions ? 4 : 0));
    }

    [Test]
    public void Text_embedding_does_not_see_beyond_the_end_of_text()
    {
        var model = TwoTowers();

        var a = model.EmbedText(Ids(1, 5, 19, 3, 4, 6, 7));
        var b = model.EmbedText(Ids(1, 5, 19, 19, 19, 0, 0));
        var c = model.EmbedText(Ids(1, 6, 19, 3, 4, 6, 7));

        Assert.That(Values(a), Is.EqualTo(Values(b)).Within(1e-6));
        Assert.That(Values(a), Is.Not.EqualTo(Values(c)).Within(1e-3));
    }

    [Test]
    public void Legacy_pooling_takes_the_largest_id_and_modern_pooling_the_end_of_text()
    {
        var hidden = Waves(1, 4, 3);
        var ids = Ids(1, 2, 9, 2);

        Assert.That(Values(ClipTower.PoolAtEnd(hidden, ids, null)), Is.EqualTo(Values(hidden[0][2])));
        Assert.That(Values(ClipTower.PoolAtEnd(hidden, ids, 2)), Is.EqualTo(Values(hidden[0][1])));
        Assert.That(Values(ClipTower.PoolAtEnd(hidden, Ids(9, 9, 1, 1), null)), Is.EqualTo(Values(hidden[0][0])));
    }

    [Test]
    public void Embeddings_are_unit_vectors()
    {
        foreach (var model in new ClipEmbedder[] { TwoTowers(), OpenTwoTowers() })
        {
            var text = model.EmbedText(Ids(1, 5, 19, 3, 4, 6, 7));
            var image = model.EmbedImage(Waves(2, 3, 8, 8));

            Assert.That(Values(text.norm(-1)), Is.All.EqualTo(1f).Within(1e-6));
            Assert.That(Values(image.norm(-1)), Is.All.EqualTo(1f).Within(1e-6));
        }
    }

    [Test]
    public void Pick_score_is_the_scaled_cosine()
    {
        var model = TwoTowers();
        var image = (Waves(2, 3, 11, 7) + 1) / 2;
        var ids = Ids(1, 5, 19, 3, 4, 6, 7);

        var cosine = ClipReward.HpsV2(model);
        var pick = ClipReward.PickScore(model);
        var text = cosine.EmbedText(ids);

        var factor = (float)(Math.Exp(model.LogitScale.item<float>()) / 26);
        Assert.That(
            Values(pick.Score(image, text)),
            Is.EqualTo(Values(cosine.Score(image, text) * factor)).Within(1e-5)
        );
    }

    [Test]
    public void A_pass_leaves_nothing_behind_but_its_result()
    {
        var transformer = Transformer();
        var vae = Autoencoder();
        var clip = TwoTowers();
        var reward = ClipReward.HpsV2(OpenTwoTowers());
        var latents = Waves(1, 4, 8, 8);
        var text = Waves(1, 5, 12);
        var pooled = Waves(1, 6);
        var time = torch.tensor(new[] { 300f });
        var image = Waves(1, 3, 6, 10);
        var ids = Ids(1, 5, 19, 3, 4, 6, 7);
        var pixels = Waves(1, 3, 8, 8);
        var vector = reward.EmbedText(ids);

        using (Assert.EnterMultipleScope())
        {
            Assert.That(
                LeftBehind(() => transformer.call(new(latents, text, pooled, time))),
                Is.EqualTo(1),
                "transformer"
            );
            Assert.That(LeftBehind(() => vae.call(image)), Is.EqualTo(1), "autoencoder");
            Assert.That(LeftBehind(() => vae.DecodeScaled(latents)), Is.EqualTo(1), "decoder");
            Assert.That(LeftBehind(() => clip.call(ids, pixels)), Is.EqualTo(1), "CLIP");
            Assert.That(LeftBehind(() => reward.Score(image, vector)), Is.EqualTo(1), "reward");
        }
    }

    [TestCase("sd3.5-medium-transformer")]
    [TestCase("sd3-flux1-vae")]
    [TestCase("clip-l-text")]
    [TestCase("clip-bigg-text")]
    public void Released_checkpoints_have_exactly_these_tensors(string name)
    {
        var file = SharedFolder.Require($"goldens/full_size/{name}.json");
        using var json = JsonDocument.Parse(File.ReadAllText(file));
        var expected = json
            .RootElement.GetProperty("tensors")
            .EnumerateObject()
            .ToDictionary(t => t.Name, t => string.Join(",", t.Value.EnumerateArray().Select(n => n.GetInt64())));

        (var module, var full) = Reduced(name);
        var found = module
            .state_dict()
            .ToDictionary(t => t.Key, t => string.Join(",", t.Value.shape.Select(n => full.GetValueOrDefault(n, n))));

        Assert.That(found, Is.EquivalentTo(expected));
    }

    // The released networks have billions of parameters. The same network with widths that are small and all different has
    // the same tensors, and each extent tells which full one it stands for.
    private static (nn.Module Module, Dictionary<long, long> Full) Reduced(string name) =>
        name switch
        {
            "sd3.5-medium-transformer" => (
                new SD3Transformer2DModel(
                    new SD3TransformerConfig
                    {
                        NumLayers = 24,
                        AttentionHeadDim = 64,
                        NumAttentionHeads = 3,
                        JointAttentionDim = 12,
                        PooledProjectionDim = 20,
                        PosEmbedMaxSize = 9,
                        DualAttentionLayers = [.. Enumerable.Range(0, 13)],
                        QkNorm = true,
                    }
                ),
                new()
                {
                    [192] = 1536,
                    [384] = 3072,
                    [768] = 6144,
                    [1152] = 9216,
                    [1728] = 13824,
                    [12] = 4096,
                    [20] = 2048,
                    [81] = 384 * 384,
                }
            ),
            "sd3-flux1-vae" => (
                new AutoencoderKL(
                    new AutoencoderKLConfig
                    {
                        BlockOutChannels = [4, 8, 20, 20],
                        LayersPerBlock = 2,
                        LatentChannels = 16,
                        NormNumGroups = 4,
                        UseQuantConv = false,
                        UsePostQuantConv = false,
                    }
                ),
                new()
                {
                    [4] = 128,
                    [8] = 256,
                    [20] = 512,
                }
            ),
            "clip-l-text" => (
                new CLIPTextModelWithProjection(
                    new ClipTextConfig
                    {
                        VocabSize = 11,
                        HiddenSize = 24,
                        IntermediateSize = 96,
                        ProjectionDim = 24,
                    }
                ),
                new()
                {
                    [11] = 49408,
                    [24] = 768,
                    [96] = 3072,
                }
            ),
            _ => (
                new CLIPTextModelWithProjection(
                    new ClipTextConfig
                    {
                        VocabSize = 11,
                        HiddenSize = 20,
                        IntermediateSize = 80,
                        ProjectionDim = 20,
                        NumHiddenLayers = 32,
                        NumAttentionHeads = 20,
                    }
                ),
                new()
                {
                    [11] = 49408,
                    [20] = 1280,
                    [80] = 5120,
                }
            ),
        };

    private static int LeftBehind(Func<Tensor> pass)
    {
        using var own = torch.NewDisposeScope();
        pass();
        return own.DisposablesCount;
    }

    private static Tensor Ids(params long[] ids) => torch.tensor(ids).reshape(1, ids.Length);
}
