// Folders, sizes and embeddings that make no model are refused by name.

using System.Text.Json.Nodes;
using FlowBP.Families;
using FlowBP.Families.Flux1;
using FlowBP.Families.SD3;
using FlowBP.Formats;
using FlowBP.Settings;
using FlowBP.Training.Pipelines;

namespace FlowBP.Training.Tests;

public class FlowModelRefusalTests : FlowModelFixture
{
    private static readonly Dictionary<string, string> Classes = new()
    {
        [nameof(SD3Family)] = SD3Family.PipelineClass,
        [nameof(Flux1Family)] = Flux1Family.PipelineClass,
    };

    [TestCase(nameof(SD3Family), "shift", 1e30, "key 'shift': found 1E+30")]
    [TestCase(
        nameof(Flux1Family),
        "max_shift",
        1e9,
        "keys 'base_shift' and 'max_shift': found 0.5 at 256 tokens and 1000000000"
    )]
    [TestCase(
        nameof(Flux1Family),
        "base_shift",
        1e9,
        "keys 'base_shift' and 'max_shift': found 1000000000 at 256 tokens and 1.15 at 4096"
    )]
    public void A_shift_that_leaves_no_noise_levels_is_named_with_its_key(
        string family,
        string key,
        double value,
        string message
    )
    {
        TinyModels.Writers[Classes[family]](Folder.Of("model"));
        var file = Folder.Of("model/scheduler/scheduler_config.json");
        var json = JsonNode.Parse(File.ReadAllText(file))!;
        json[key] = value;
        File.WriteAllText(file, json.ToJsonString());
        using var model = new TextToImage(ModelFolder.At(Folder.Of("model"), 2), prompts: new TinyModels.Prompts());

        Assert.That(
            () => model.Schedule(4),
            Throws.TypeOf<CheckpointException>().With.Message.StartsWith($"scheduler_config.json: {message}")
        );
    }

    [TestCaseSource(nameof(Families))]
    public void Sides_that_tokens_do_not_fill_are_refused(string family) =>
        Assert.That(
            () => Load(family, 4, size: new(16, 30)),
            Throws
                .TypeOf<InvalidSettingException>()
                .With.Message.EqualTo(
                    "found a picture of 16 × 30 pixels, expected sides that are multiples of 4: try 16 × 32"
                )
        );

    [Test]
    public void A_folder_of_an_unknown_family_is_refused_by_name()
    {
        Folder.Write("model/model_index.json", """{"_class_name":"OtherPipeline"}""");

        Assert.That(
            () => StoredModel.Load(Folder.Of("model")),
            Throws
                .TypeOf<CheckpointException>()
                .With.Message.EndsWith(
                    "found pipeline class OtherPipeline, expected one of StableDiffusion3Pipeline, FluxPipeline, Flux2KleinPipeline"
                )
        );
    }

    [Test]
    public void A_transformer_for_another_autoencoder_is_refused_by_name()
    {
        TinyModels.WriteFlux(Folder.Of("model"), inChannels: 24);

        Assert.That(
            () => StoredModel.Load(Folder.Of("model")),
            Throws
                .TypeOf<CheckpointException>()
                .With.Message.Contains(
                    "key 'in_channels': found 24, expected 16: patches of 2 × 2 elements of the autoencoder's 4"
                )
        );
    }

    [Test]
    public void The_transformer_of_another_family_is_refused_by_name()
    {
        TinyModels.WriteFlux(Folder.Of("flux"));
        TinyModels.WriteFlux2(Folder.Of("flux2"));
        File.Copy(
            Folder.Of("flux/transformer/config.json"),
            Folder.Of("flux2/transformer/config.json"),
            overwrite: true
        );

        Assert.That(
            () => StoredModel.Load(Folder.Of("flux2")),
            Throws
                .TypeOf<CheckpointException>()
                .With.Message.EndsWith(
                    "found a configuration of FluxTransformer2DModel, expected one of Flux2Transformer2DModel"
                )
        );
    }

    [Test]
    public void Weights_of_another_shape_are_named()
    {
        TinyModels.WriteFlux(Folder.Of("model"));
        var config = Folder.Of("model/transformer/config.json");
        File.WriteAllText(
            config,
            File.ReadAllText(config).Replace("\"joint_attention_dim\": 12", "\"joint_attention_dim\": 14")
        );

        Assert.That(
            () => StoredModel.Load(Folder.Of("model")),
            Throws
                .TypeOf<CheckpointException>()
                .With.Message.Contains("tensor 'context_embedder.weight': found [16, 12], expected [16, 14]")
        );
    }

    [Test]
    public void Without_text_encoders_prompts_are_refused_when_they_come()
    {
        TinyModels.WriteFlux2(Folder.Of("model"));
        using var model = new TextToImage(ModelFolder.At(Folder.Of("model"), 4));

        Assert.That(
            () => model.Painter.Encode(["a red circle"]),
            Throws.TypeOf<CheckpointException>().With.Message.Contains("found no text encoder that can be run")
        );
    }

    [TestCaseSource(nameof(Families))]
    public void Embeddings_of_another_models_text_encoder_are_refused_by_name(string family)
    {
        TinyModels.Writers[family](Folder.Of("model"));
        using var model = new TextToImage(
            ModelFolder.At(Folder.Of("model"), 4),
            prompts: new TinyModels.Prompts(textWidth: 10)
        );

        Assert.That(
            () => model.Painter.Encode(["a red circle"]),
            Throws
                .TypeOf<CheckpointException>()
                .With.Message.Contains("found 'prompt_embeds' of shape [1, 5, 10], expected [prompts, tokens, 12]")
        );
    }
}
