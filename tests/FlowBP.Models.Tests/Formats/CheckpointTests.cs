// A checkpoint that does not fit a model, and a configuration that nobody understands, are refused by name.

using FlowBP.Families.SD3;
using FlowBP.Formats;
using FlowBP.Models.Autoencoders;
using FlowBP.Models.Clip;
using FlowBP.Models.Layers;
using FlowBP.Models.Schedulers;

namespace FlowBP.Models.Tests;

public sealed class CheckpointTests
{
    private static readonly ClipTextConfig SmallText = new()
    {
        VocabSize = 20,
        HiddenSize = 8,
        IntermediateSize = 16,
        ProjectionDim = 4,
        NumHiddenLayers = 1,
        NumAttentionHeads = 2,
        MaxPositionEmbeddings = 6,
        EosTokenId = 19,
    };

    private string folder = "";

    private string Weights => Path.Combine(folder, "model.safetensors");

    [SetUp]
    public void CreateFolder() => folder = Directory.CreateTempSubdirectory("flowbp-checkpoint-").FullName;

    [TearDown]
    public void DeleteFolder() => Directory.Delete(folder, recursive: true);

    [Test]
    public void A_saved_model_loads_into_another_of_its_kind()
    {
        using var saved = New(seed: 1);
        using var loaded = New(seed: 2);

        Checkpoint.Save(saved, Weights);
        Checkpoint.LoadInto(loaded, Weights);

        Assert.That(Values(loaded), Is.EqualTo(Values(saved)));
    }

    [Test]
    public void A_model_saved_in_bfloat16_loads_rounded()
    {
        using var saved = New(seed: 1);
        using var loaded = New(seed: 2);

        Checkpoint.Save(saved, Weights, ScalarType.BFloat16);
        Checkpoint.LoadInto(loaded, Weights);

        // bfloat16 keeps eight significant bits.
        Assert.That(
            Values(loaded)
                .Zip(Values(saved))
                .Max(pair => Math.Abs(pair.First - pair.Second) / (Math.Abs(pair.Second) + 1e-30)),
            Is.InRange(1e-4, 1.0 / 256)
        );
    }

    [Test]
    public void Missing_unexpected_and_misshapen_tensors_are_all_named()
    {
        using var model = New(seed: 1);
        using var scope = torch.NewDisposeScope();
        var tensors = model.state_dict();
        tensors.Remove("text_model.final_layer_norm.bias");
        tensors["text_projection.weight"] = torch.zeros(5, 8);
        tensors["text_model.surprise"] = torch.zeros(2);
        SafetensorsWriter.Write(Weights, tensors);

        var error = Assert.Throws<CheckpointException>(() => Checkpoint.LoadInto(model, Weights))!;

        using (Assert.EnterMultipleScope())
        {
            Assert.That(error.Message, Does.StartWith($"{Weights}: does not fit the model"));
            Assert.That(
                error.Message,
                Does.Contain("tensor 'text_model.final_layer_norm.bias': found none, expected [8]")
            );
            Assert.That(error.Message, Does.Contain("tensor 'text_projection.weight': found [5, 8], expected [4, 8]"));
            Assert.That(
                error.Message,
                Does.Contain("tensor 'text_model.surprise': found [2], expected no such tensor")
            );
        }
    }

    [Test]
    public void A_file_that_does_not_fit_changes_nothing()
    {
        using var model = New(seed: 1);
        var before = Values(model);
        using (var scope = torch.NewDisposeScope())
        {
            var tensors = model.state_dict().ToDictionary(p => p.Key, p => torch.zeros_like(p.Value));
            tensors["text_projection.weight"] = torch.zeros(5, 8);
            SafetensorsWriter.Write(Weights, tensors);
        }

        Assert.That(() => Checkpoint.LoadInto(model, Weights), Throws.TypeOf<CheckpointException>());
        Assert.That(Values(model), Is.EqualTo(before));
    }

    [Test]
    public void A_loose_load_takes_what_is_there()
    {
        using var model = New(seed: 1);
        using (var scope = torch.NewDisposeScope())
        {
            var some = new Dictionary<string, Tensor>
            {
                ["text_model.final_layer_norm.bias"] = torch.full([8], 7f),
                ["elsewhere"] = torch.zeros(1),
            };
            SafetensorsWriter.Write(Weights, some);
        }

        Checkpoint.LoadInto(model, Weights, strict: false);

        Assert.That(model.state_dict()["text_model.final_layer_norm.bias"].data<float>().ToArray(), Is.All.EqualTo(7f));
    }

    [Test]
    public void An_unknown_key_is_refused_with_the_nearest_known_one()
    {
        var file = WriteConfig("""{"_class_name":"SD3Transformer2DModel","num_layer":2}""");

        Assert.That(
            () => SD3TransformerConfig.Read(file),
            Throws
                .TypeOf<CheckpointException>()
                .With.Message.EqualTo($"{file}: unknown key 'num_layer' (did you mean num_layers?)")
        );
    }

    [Test]
    public void An_ill_typed_value_is_refused()
    {
        var file = WriteConfig("""{"latent_channels":"four"}""");

        Assert.That(
            () => AutoencoderKLConfig.Read(file),
            Throws
                .TypeOf<CheckpointException>()
                .With.Message.EqualTo($"{file}: key 'latent_channels': found \"four\", expected an integer")
        );
    }

    [Test]
    public void A_key_given_twice_is_refused()
    {
        var file = WriteConfig("""{"shift":3.0,"shift":1.0}""");

        Assert.That(
            () => FlowMatchEulerConfig.Read(file),
            Throws.TypeOf<CheckpointException>().With.Message.Contains("shift")
        );
    }

    [Test]
    public void A_setting_that_is_not_implemented_is_refused()
    {
        var file = WriteConfig("""{"qk_norm":"layer_norm"}""");

        Assert.That(
            () => SD3TransformerConfig.Read(file),
            Throws
                .TypeOf<CheckpointException>()
                .With.Message.Contains("'qk_norm': found 'layer_norm', expected rms_norm or null")
        );
    }

    [Test]
    public void Configurations_survive_a_round_trip()
    {
        var transformer = new SD3TransformerConfig
        {
            SampleSize = 8,
            PatchSize = 1,
            InChannels = 4,
            OutChannels = 4,
            NumLayers = 2,
            AttentionHeadDim = 8,
            NumAttentionHeads = 2,
            JointAttentionDim = 24,
            PooledProjectionDim = 12,
            PosEmbedMaxSize = 8,
            QkNorm = true,
        };
        var vae = new AutoencoderKLConfig
        {
            BlockOutChannels = [8, 16],
            NormNumGroups = 4,
            MidBlockAddAttention = false,
            UseQuantConv = false,
            ScalingFactor = 1.25,
            ShiftFactor = 0.5,
        };
        var clip = new ClipConfig { Text = SmallText, ProjectionDim = 4 };
        var scheduler = new FlowMatchEulerConfig { Shift = 3 };

        using (Assert.EnterMultipleScope())
        {
            Assert.That(
                SD3TransformerConfig.Read(WriteConfig(transformer.ToJson())).ToJson(),
                Is.EqualTo(transformer.ToJson())
            );
            Assert.That(AutoencoderKLConfig.Read(WriteConfig(vae.ToJson())).ToJson(), Is.EqualTo(vae.ToJson()));
            Assert.That(ClipTextConfig.Read(WriteConfig(SmallText.ToJson())), Is.EqualTo(SmallText));
            Assert.That(ClipConfig.Read(WriteConfig(clip.ToJson())), Is.EqualTo(clip));
            Assert.That(FlowMatchEulerConfig.Read(WriteConfig(scheduler.ToJson())), Is.EqualTo(scheduler));
        }
    }

    private static CLIPTextModelWithProjection New(ulong seed)
    {
        var model = new CLIPTextModelWithProjection(SmallText);
        ParameterInitialization.Apply(model, seed);
        return model;
    }

    private static float[] Values(nn.Module module) =>
        [
            .. module
                .state_dict()
                .OrderBy(p => p.Key, StringComparer.Ordinal)
                .SelectMany(p => p.Value.detach().data<float>().ToArray()),
        ];

    private string WriteConfig(string json)
    {
        var file = Path.Combine(folder, "config.json");
        File.WriteAllText(file, json);
        return file;
    }
}
