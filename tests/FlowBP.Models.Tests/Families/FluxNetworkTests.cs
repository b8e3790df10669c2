// What must hold of FLUX's networks and their configurations whatever the weights are.

using System.Text.Json.Nodes;
using FlowBP.Families.Flux1;
using FlowBP.Families.Flux2;
using FlowBP.Families.Networks;
using FlowBP.Families.SD3;
using FlowBP.Formats;
using FlowBP.Models.Autoencoders;
using FlowBP.Models.Layers;
using FlowBP.Models.Transformers;
using static FlowBP.Models.Tests.TestNetworks;

namespace FlowBP.Models.Tests;

public sealed class FluxNetworkTests
{
    private DisposeScope scope = null!;

    [SetUp]
    public void OpenScope() => scope = torch.NewDisposeScope();

    [TearDown]
    public void CloseScope() => scope.Dispose();

    [Test]
    public void Flux1_is_its_embeddings_its_blocks_and_its_head()
    {
        var model = Flux();
        var input = InputOfFlux(samples: 2);

        var ops = new TensorOperations(model.Rotary(input));
        var streams = model.Embed(ops, input);
        foreach (var block in model.Blocks)
        {
            streams = block.Apply(ops, streams);
        }
        var composed = model.Head(ops, streams, new TokenGrid(2, 3));

        Assert.That(model.Blocks, Has.Count.EqualTo(3));
        Assert.That(streams.Text, Is.Null);
        Assert.That(streams.Image.shape, Is.EqualTo(new long[] { 2, 11, 16 }));
        Assert.That(Values(composed), Is.EqualTo(Values(model.call(input))));
        Assert.That(Values(composed).Max(Math.Abs), Is.GreaterThan(0.05));
    }

    [Test]
    public void Flux2_is_its_embeddings_its_blocks_and_its_head()
    {
        var model = Flux2();
        var input = InputOfFlux2(samples: 2);

        var ops = new TensorOperations(model.Rotary(input));
        var streams = model.Embed(ops, input);
        foreach (var block in model.Blocks)
        {
            streams = block.Apply(ops, streams);
        }
        var composed = model.Head(ops, streams, new TokenGrid(2, 3));

        Assert.That(model.Blocks, Has.Count.EqualTo(3));
        Assert.That(Values(composed), Is.EqualTo(Values(model.call(input))));
        Assert.That(Values(composed).Max(Math.Abs), Is.GreaterThan(0.05));
    }

    [Test]
    public void A_model_without_double_stream_blocks_joins_its_streams_too()
    {
        var model = Flux(FluxConfig with { NumLayers = 0 });

        Assert.That(model.call(InputOfFlux(samples: 1)).shape, Is.EqualTo(new long[] { 1, 6, 8 }));
    }

    [Test]
    public void Samples_do_not_see_each_other()
    {
        var two = InputOfFlux(samples: 2);
        var second = new TransformerInput(
            two.Latents.narrow(0, 1, 1),
            two.Text_BME.narrow(0, 1, 1),
            two.Pooled_BP!.narrow(0, 1, 1),
            two.Timestep_B.narrow(0, 1, 1),
            two.Guidance_B!.narrow(0, 1, 1),
            two.ImageIds_LA,
            two.TextIds_MA
        );
        var model = Flux();

        // The same sums in another blocking: float32 rounding only.
        Assert.That(Values(model.call(two)[1]), Is.EqualTo(Values(model.call(second)[0])).Within(1e-5));
    }

    [Test]
    public void Guidance_and_time_both_move_the_velocity()
    {
        var model = Flux();
        var input = InputOfFlux(samples: 1);
        var velocity = Values(model.call(input));

        var guided = Values(model.call(input with { Guidance_B = input.Guidance_B! * 2 }));
        var later = Values(model.call(input with { Timestep_B = input.Timestep_B * 0.5 }));

        Assert.That(guided, Is.Not.EqualTo(velocity).Within(1e-4));
        Assert.That(later, Is.Not.EqualTo(velocity).Within(1e-4));
    }

    [Test]
    public void A_missing_guidance_scale_is_refused()
    {
        Assert.That(
            () => Flux().call(InputOfFlux(samples: 1) with { Guidance_B = null }),
            Throws.ArgumentException.With.Message.Contains("takes a guidance scale (guidance_embeds), found none")
        );
        Assert.That(
            () => Flux2(Flux2Config with { GuidanceEmbeds = true }).call(InputOfFlux2(samples: 1)),
            Throws.ArgumentException.With.Message.Contains("takes a guidance scale (guidance_embeds), found none")
        );
    }

    [Test]
    public void Where_image_tokens_lie_matters()
    {
        var model = Flux2();
        var input = InputOfFlux2(samples: 1);

        var turned = Values(model.call(input with { ImageIds_LA = Flux2Positions.Image(3, 2) }));

        Assert.That(turned, Is.Not.EqualTo(Values(model.call(input))).Within(1e-4));
    }

    [Test]
    public void Normalised_patches_are_undone_by_denormalising()
    {
        var vae = new AutoencoderKLFlux2(Flux2VaeConfig);
        var state = vae.state_dict();
        using (torch.no_grad())
        {
            state["bn.running_mean"].copy_(Waves(16));
            state["bn.running_var"].copy_(Waves(16) + 2);
        }
        var z = Waves(1, 4, 4, 6);

        var scaled = vae.Scale(z);

        Assert.That(scaled.shape, Is.EqualTo(new long[] { 1, 16, 2, 3 }));
        Assert.That(Values(LatentPatches.Unpatchify(vae.Denormalize(scaled))), Is.EqualTo(Values(z)).Within(1e-6));
        double mean = Values(Waves(16))[5];
        var deviation = Math.Sqrt(mean + 2 + 1e-4);
        double element = Values(LatentPatches.Patchify(z)[0][5])[0];
        Assert.That(Values(scaled[0][5])[0], Is.EqualTo((element - mean) / deviation).Within(1e-5));
        Assert.That(vae.DecodeScaled(scaled).shape, Is.EqualTo(new long[] { 1, 3, 8, 12 }));
    }

    private static IEnumerable<TestCaseData> Configurations()
    {
        yield return Case(FluxConfig.ToJson(), FluxTransformerConfig.Read, FluxConfig);
        yield return Case(Flux2Config.ToJson(), Flux2TransformerConfig.Read, Flux2Config);
        yield return Case(Flux2VaeConfig.ToJson(), AutoencoderKLFlux2Config.Read, Flux2VaeConfig);

        static TestCaseData Case(string json, Func<ConfigReader, object> read, object config) =>
            new TestCaseData(json, read, config).SetArgDisplayNames(config.GetType().Name);
    }

    [TestCaseSource(nameof(Configurations))]
    public void A_configuration_reads_back_what_it_wrote(string json, Func<ConfigReader, object> read, object config)
    {
        var found = read(ConfigReader.Parse("config.json", json));

        // Records compare lists by reference: their text is what counts.
        Assert.That(Text(found), Is.EqualTo(Text(config)));
    }

    private static string Text(object config) => (string)config.GetType().GetMethod("ToJson")!.Invoke(config, null)!;

    [TestCase("FluxTransformer2DModel")]
    [TestCase("Flux2Transformer2DModel")]
    [TestCase("SD3Transformer2DModel")]
    [TestCase("AutoencoderKL")]
    [TestCase("AutoencoderKLFlux2")]
    public void A_configuration_of_another_architecture_is_refused_by_name(string found)
    {
        var json = $$"""{"_class_name":"{{found}}"}""";
        (string Class, Func<ConfigReader, object> Read)[] readers =
        [
            ("FluxTransformer2DModel", FluxTransformerConfig.Read),
            ("Flux2Transformer2DModel", Flux2TransformerConfig.Read),
            ("SD3Transformer2DModel", SD3TransformerConfig.Read),
            ("AutoencoderKL", AutoencoderKLConfig.Read),
            ("AutoencoderKLFlux2", AutoencoderKLFlux2Config.Read),
        ];
        foreach (var (expected, read) in readers.Where(reader => reader.Class != found))
        {
            Assert.That(
                () => read(ConfigReader.Parse("config.json", json)),
                Throws
                    .TypeOf<CheckpointException>()
                    .With.Message.EqualTo($"config.json: found a configuration of {found}, expected one of {expected}")
            );
        }
    }

    [TestCase("""{"axes_dims_rope":[16,56,58]}""", "key 'axes_dims_rope': found [16, 56, 58], expected 3 even numbers")]
    [TestCase("""{"axes_dims_rope":[32,32,32,32]}""", "expected 3 even numbers that add up to attention_head_dim 128")]
    [TestCase("""{"patch_size":2}""", "key 'patch_size': found 2, expected 1")]
    [TestCase("""{"num_layer":2}""", "unknown key 'num_layer' (did you mean num_layers?)")]
    public void What_is_not_implemented_is_refused_by_name(string json, string message) =>
        Assert.That(
            () => FluxTransformerConfig.Read(ConfigReader.Parse("config.json", json)),
            Throws.TypeOf<CheckpointException>().With.Message.Contains(message)
        );

    [Test]
    public void Missing_keys_are_the_defaults_of_the_ecosystem()
    {
        var flux = FluxTransformerConfig.Read(ConfigReader.Parse("c", "{}"));
        var flux2 = Flux2TransformerConfig.Read(ConfigReader.Parse("c", "{}"));
        var vae = AutoencoderKLFlux2Config.Read(ConfigReader.Parse("c", "{}"));

        Assert.That((flux.NumLayers, flux.NumSingleLayers, flux.InnerDim), Is.EqualTo((19, 38, 3072)));
        Assert.That(flux.GuidanceEmbeds, Is.False);
        Assert.That((flux2.NumLayers, flux2.NumSingleLayers, flux2.InnerDim), Is.EqualTo((8, 48, 6144)));
        Assert.That(flux2.GuidanceEmbeds, Is.True);
        Assert.That(vae.Towers.BlockOutChannels, Is.EqualTo(new[] { 128, 256, 512, 512 }));
        Assert.That((vae.Towers.LatentChannels, vae.Towers.LayersPerBlock), Is.EqualTo((32, 2)));
    }

    [Test]
    public void The_released_schedulers_of_both_read_as_dynamic_shifts()
    {
        var json = new JsonObject
        {
            ["_class_name"] = "FlowMatchEulerDiscreteScheduler",
            ["base_image_seq_len"] = 256,
            ["base_shift"] = 0.5,
            ["invert_sigmas"] = false,
            ["max_image_seq_len"] = 4096,
            ["max_shift"] = 1.15,
            ["num_train_timesteps"] = 1000,
            ["shift"] = 3.0,
            ["shift_terminal"] = null,
            ["stochastic_sampling"] = false,
            ["time_shift_type"] = "exponential",
            ["use_beta_sigmas"] = false,
            ["use_dynamic_shifting"] = true,
            ["use_exponential_sigmas"] = false,
            ["use_karras_sigmas"] = false,
        }.ToJsonString();
        var folder = Directory.CreateTempSubdirectory("flowbp-scheduler-").FullName;
        var file = Path.Combine(folder, "scheduler_config.json");
        File.WriteAllText(file, json);

        Assert.That(Schedulers.FlowMatchEulerConfig.Read(file).UseDynamicShifting, Is.True);
        Directory.Delete(folder, recursive: true);
    }

    private static TransformerInput InputOfFlux(int samples) =>
        new(
            Waves(samples, 6, 8),
            Waves(samples, 5, 12),
            Waves(samples, 6),
            torch.full([samples], 0.3f),
            torch.full([samples], 4f),
            FluxPositions.Image(2, 3),
            FluxPositions.Text(5)
        );

    private static TransformerInput InputOfFlux2(int samples) =>
        new(
            Waves(samples, 6, 16),
            Waves(samples, 5, 12),
            null,
            torch.full([samples], 0.3f),
            null,
            Flux2Positions.Image(2, 3),
            Flux2Positions.Text(5)
        );
}
