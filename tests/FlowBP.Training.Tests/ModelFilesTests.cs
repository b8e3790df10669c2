using FlowBP.Families;
using FlowBP.Families.Flux1;
using FlowBP.Families.SD3;
using FlowBP.Formats;

namespace FlowBP.Training.Tests;

/// <summary>A model that is given as a file, and a transformer of its own.</summary>
public class ModelFilesTests
{
    private TemporaryFolder folder = null!;
    private string file = null!;

    [SetUp]
    public void CreateFolder()
    {
        folder = new();
        file = folder.Of("flux1-dev.safetensors");
        using var scope = torch.NewDisposeScope();
        SafetensorsWriter.Write(
            file,
            new Dictionary<string, Tensor>
            {
                ["model.diffusion_model.double_blocks.0.img_mod.lin.weight"] = torch.ones(2),
            }
        );
    }

    [TearDown]
    public void DeleteFolder() => folder.Dispose();

    [Test]
    public void A_folder_is_a_model() => Assert.That(ModelFiles.Of(folder.Path, file), Is.EqualTo((folder.Path, file)));

    [Test]
    public void A_single_file_alone_says_what_it_is_and_how_it_is_used() =>
        Assert.That(
            () => ModelFiles.Of(file, null),
            Throws
                .TypeOf<CheckpointException>()
                .With.Message.StartsWith($"{file}: is a single-file checkpoint of FLUX.1 under its original names")
                .And.Message.Contains("--transformer")
        );

    [Test]
    public void A_single_file_in_a_model_folder_of_its_family_is_that_models_transformer()
    {
        folder.Write("model_index.json", $$"""{"_class_name":"{{Flux1Family.PipelineClass}}"}""");
        Assert.That(ModelFiles.Of(file, null), Is.EqualTo((folder.Path, file)));
        folder.Write("model_index.json", $$"""{"_class_name":"{{SD3Family.PipelineClass}}"}""");
        Assert.That(() => ModelFiles.Of(file, null), Throws.TypeOf<CheckpointException>());
    }

    [Test]
    public void The_table_of_contents_stands_for_its_folder() =>
        Assert.That(
            ModelFiles.Of(folder.Write("model_index.json", "{}"), null),
            Is.EqualTo((folder.Path, (string?)null))
        );

    [Test]
    public void A_transformer_that_is_not_there_is_named() =>
        Assert.That(
            () => ModelFiles.Of(folder.Path, folder.Of("none.safetensors")),
            Throws.TypeOf<CheckpointException>().With.Message.Contains("none.safetensors: no such file (transformer)")
        );
}
