// A whole model written to a folder and read back is the same model.

using FlowBP.Families;
using FlowBP.Families.SD3;
using FlowBP.Models.Clip;
using FlowBP.Models.Layers;
using FlowBP.Models.Prompts;
using FlowBP.Models.Schedulers;
using FlowBP.Models.Tokenizers;
using static FlowBP.Models.Tests.TestNetworks;

namespace FlowBP.Models.Tests;

public sealed class PipelineTests
{
    private string folder = "";

    [SetUp]
    public void CreateFolder() => folder = Directory.CreateTempSubdirectory("flowbp-pipeline-").FullName;

    [TearDown]
    public void DeleteFolder() => Directory.Delete(folder, recursive: true);

    [Test]
    public void A_saved_model_predicts_the_same_when_loaded()
    {
        using var scope = torch.NewDisposeScope();
        using var saved = NewPipeline();
        var model = Path.Combine(folder, "model");
        saved.Save(model);

        using var loaded = StoredModel.Load(model);

        string[] prompts = ["a red circle", ""];
        Assert.That(loaded.Scheduler, Is.EqualTo(saved.Scheduler));
        Assert.That(Values(Velocity(loaded, prompts)), Is.EqualTo(Values(Velocity(saved, prompts))));
        var image = Waves(1, 3, 4, 4);
        Assert.That(Values(loaded.Vae.call(image)), Is.EqualTo(Values(saved.Vae.call(image))));
    }

    [Test]
    public void Saving_twice_gives_the_same_files()
    {
        using var pipeline = NewPipeline();
        pipeline.Save(Path.Combine(folder, "one"));
        pipeline.Save(Path.Combine(folder, "two"));

        string[] files = [.. Files("one")];

        Assert.That(Files("two"), Is.EqualTo(files));
        Assert.That(
            files,
            Is.SupersetOf(
                new[]
                {
                    "model_index.json",
                    "scheduler/scheduler_config.json",
                    "text_encoder/config.json",
                    "text_encoder/model.safetensors",
                    "tokenizer/merges.txt",
                    "tokenizer/vocab.json",
                    "transformer/config.json",
                    "transformer/diffusion_pytorch_model.safetensors",
                    "vae/config.json",
                    "vae/diffusion_pytorch_model.safetensors",
                }
            )
        );
        foreach (var file in files)
        {
            var one = File.ReadAllBytes(Path.Combine(folder, "one", file));
            Assert.That(File.ReadAllBytes(Path.Combine(folder, "two", file)), Is.EqualTo(one), file);
        }
    }

    [Test]
    public void Towers_are_joined_side_by_side_and_padded_to_the_width_of_the_transformer()
    {
        using var scope = torch.NewDisposeScope();
        using var tower = Tower();
        var ids = torch.tensor(new long[] { 1, 5, 19, 19 }).reshape(1, 4);
        var states = tower.Encode(ids);

        var both = SD3PromptAssembly.Encode([(tower, ids), (tower, ids)], textWidth: 20, Waves(1, 3, 20));

        Assert.That(both.Text_BLE.shape, Is.EqualTo(new long[] { 1, 7, 20 }));
        Assert.That(Values(both.Text_BLE[0][1])[8..16], Is.EqualTo(Values(states.Penultimate[0][1])));
        Assert.That(Values(both.Text_BLE[0][1])[16..], Is.All.EqualTo(0f));
        Assert.That(Values(both.Text_BLE[0][6]), Is.EqualTo(Values(Waves(1, 3, 20)[0][2])));
        Assert.That(Values(both.Pooled_BP)[6..], Is.EqualTo(Values(tower.Project(states.Pooled))));
    }

    [Test]
    public void Towers_wider_than_the_transformer_are_refused()
    {
        using var tower = Tower();
        var ids = torch.tensor(new long[] { 1, 5, 19 }).reshape(1, 3);

        Assert.That(
            () => SD3PromptAssembly.Encode([(tower, ids)], textWidth: 7),
            Throws.ArgumentException.With.Message.Contains("found text towers of width 8 together, expected at most 7")
        );
    }

    private FlowModel NewPipeline()
    {
        var words = Path.Combine(folder, "words");
        ClipVocabularyBuilder.Write(words, ["a", "red", "circle"], maxLength: 7);
        var tokenizer = ClipTokenizer.FromFolder(words);
        var text = SmallClip.Text with { VocabSize = tokenizer.VocabularySize, EosTokenId = tokenizer.EndId };
        var encoder = new CLIPTextModelWithProjection(text);
        ParameterInitialization.Apply(encoder, seed: 4);
        return new FlowModel(
            family: ModelFamilies.SD35,
            transformer: Transformer(TransformerConfig with { JointAttentionDim = 8, PooledProjectionDim = 6 }),
            vae: Autoencoder(),
            prompts: new SD3PromptEncoder([new TextTower(tokenizer, words, encoder)], null, textWidth: 8),
            scheduler: new FlowMatchEulerConfig { Shift = 3 }
        );
    }

    private static CLIPTextModelWithProjection Tower()
    {
        var tower = new CLIPTextModelWithProjection(SmallClip.Text);
        ParameterInitialization.Apply(tower, seed: 4);
        return tower;
    }

    private static Tensor Velocity(FlowModel pipeline, string[] prompts)
    {
        var conditioning = pipeline.Prompts.Encode(prompts);
        var time = torch.tensor(new[] { 300f, 600f });
        return pipeline.Transformer.call(
            new(Waves(2, 4, 4, 4), conditioning[PromptTensors.Text], conditioning[PromptTensors.Pooled], time)
        );
    }

    private IEnumerable<string> Files(string name)
    {
        var root = Path.Combine(folder, name);
        return Directory
            .EnumerateFiles(root, "*", SearchOption.AllDirectories)
            .Select(file => Path.GetRelativePath(root, file))
            .Order(StringComparer.Ordinal);
    }
}
