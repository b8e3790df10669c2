// Which file a folder's weights are, and what a file is that is none.

using FlowBP.Formats;

namespace FlowBP.Models.Tests;

public sealed class WeightsLocationTests
{
    private TemporaryFolder folder = null!;
    private List<string> notices = null!;

    [SetUp]
    public void CreateFolder() => (folder, notices) = (new TemporaryFolder(), []);

    [TearDown]
    public void DeleteFolder() => folder.Dispose();

    [TestCase("diffusion_pytorch_model.safetensors", null)]
    [TestCase("model.safetensors", null)]
    [TestCase("diffusion_pytorch_model.fp16.safetensors", "variant fp16")]
    [TestCase("diffusion_pytorch_model.bf16.safetensors", "variant bf16")]
    [TestCase("model.fp16.safetensors", "variant fp16")]
    [TestCase("flux1-dev.safetensors", "only file of weights")]
    [TestCase("HPS_v2.1_compressed.safetensors", "only file of weights")]
    public void One_file_is_found_whatever_its_name_and_a_guess_is_said(string name, string? notice)
    {
        Write(name, 3);
        Assert.That(Loaded(folder.Path), Is.EqualTo(3));
        Assert.That(notices, notice is null ? Is.Empty : Has.One.Contains(notice));
    }

    [TestCase("diffusion_pytorch_model.safetensors.index.json", "diffusion_pytorch_model-00001-of-00001.safetensors")]
    [TestCase(
        "diffusion_pytorch_model.safetensors.index.fp16.json",
        "diffusion_pytorch_model.fp16-00001-of-00001.safetensors"
    )]
    [TestCase(
        "diffusion_pytorch_model.safetensors.index.fp16.json",
        "diffusion_pytorch_model-00001-of-00001.fp16.safetensors"
    )]
    [TestCase("model.safetensors.index.bf16.json", "model.bf16-00001-of-00001.safetensors")]
    [TestCase("model.fp16.safetensors.index.json", "model.fp16-00001-of-00001.safetensors")]
    public void Shards_are_found_by_their_index_of_a_variant_too(string index, string shard)
    {
        Write(shard, 4);
        Index(index, shard);
        Assert.That(Loaded(folder.Path), Is.EqualTo(4));
    }

    [TestCase("diffusion_pytorch_model", 2, "the index is taken")]
    [TestCase("model", 1, "the single file is taken")]
    public void Of_an_index_and_a_single_file_the_one_is_taken_that_the_fields_loader_takes(
        string stem,
        float expected,
        string notice
    )
    {
        Write($"{stem}.safetensors", 1);
        Write($"{stem}-00001-of-00001.safetensors", 2);
        Index($"{stem}.safetensors.index.json", $"{stem}-00001-of-00001.safetensors");

        Assert.That(Loaded(folder.Path), Is.EqualTo(expected));
        Assert.That(notices, Has.One.Contains(notice));
        Assert.That(Loaded(folder.Of($"{stem}.safetensors")), Is.EqualTo(1), "a file that is named is meant");
    }

    [Test]
    public void A_usual_name_goes_before_a_variant_and_before_any_other()
    {
        Write("other.safetensors", 1);
        Write("diffusion_pytorch_model.fp16.safetensors", 2);
        Assert.That(Loaded(folder.Path), Is.EqualTo(2));
        Write("diffusion_pytorch_model.safetensors", 3);
        Assert.That(Loaded(folder.Path), Is.EqualTo(3));
    }

    [Test]
    public void Several_variants_or_several_files_are_a_question()
    {
        Write("a.safetensors", 1);
        Write("b.safetensors", 1);
        Refuses(folder.Path, "this folder has a.safetensors, b.safetensors: leave one of them, or name it");
        Write("diffusion_pytorch_model.fp16.safetensors", 1);
        Write("diffusion_pytorch_model.bf16.safetensors", 1);
        Refuses(folder.Path, "the variants bf16, fp16: leave one of them");
    }

    [Test]
    public void A_file_is_read_as_what_it_is_whatever_it_is_called()
    {
        var pickle = PickleWriter.Of(p => p.Op('}').Text("weight").Tensor("0", 1, 1).Op('s'));
        File.WriteAllBytes(
            folder.Of("model.safetensors"),
            TorchFileWriter.Zip(pickle, ("0", TorchFileWriter.Floats(5)))
        );
        Assert.That(Loaded(folder.Path), Is.EqualTo(5));
        Write("w.safetensors", 6);
        File.Move(folder.Of("w.safetensors"), folder.Of("pytorch_model.bin"));
        Assert.That(Loaded(folder.Of("pytorch_model.bin")), Is.EqualTo(6));
    }

    private const string Pointer = "version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 9\n";

    [TestCase(Pointer, "Git LFS pointer")]
    [TestCase("<!DOCTYPE html>\n<html><head><title>Log in</title></head></html>", "web page (HTML)")]
    [TestCase("\n  <html lang=\"en\"><body>404</body></html>", "web page (HTML)")]
    [TestCase("<?xml version=\"1.0\"?><Error><Code>AccessDenied</Code></Error>", "web page (HTML)")]
    [TestCase("Entry not found", "is a text ('Entry not found')")]
    [TestCase("GGUF\u0003\0\0\0\u0001\0\0\0\0\0\0\0", "GGUF")]
    [TestCase("{\"error\":\"Access to model x is restricted\"}", "is a text ('{\"error\"")]
    public void What_is_no_file_of_weights_is_named(string content, string message)
    {
        foreach (var name in new[] { "model.safetensors", "pytorch_model.bin" })
        {
            File.WriteAllText(folder.Of(name), content);
            Refuses(folder.Of(name), message);
        }
    }

    [TestCase(Pointer, "Git LFS pointer")]
    [TestCase("<!doctype html><html></html>", "web page")]
    public void So_is_what_is_no_configuration(string content, string message)
    {
        File.WriteAllText(folder.Of("config.json"), content);
        Assert.That(
            () => ConfigReader.Open(folder.Of("config.json")),
            Throws.TypeOf<CheckpointException>().With.Message.Contains(message)
        );
        File.WriteAllText(folder.Of("model.safetensors.index.json"), content);
        Refuses(folder.Of("model.safetensors.index.json"), message);
    }

    private void Write(string name, float value)
    {
        using var scope = torch.NewDisposeScope();
        SafetensorsWriter.Write(
            folder.Of(name),
            new Dictionary<string, Tensor> { ["weight"] = torch.full([1, 1], value) }
        );
    }

    private void Index(string name, string shard) =>
        File.WriteAllText(folder.Of(name), $$$"""{"metadata":{},"weight_map":{"weight":"{{{shard}}}"}}""");

    private float Loaded(string path)
    {
        using var listening = LoadingNotices.To(notices.Add);
        using var layer = nn.Linear(1, 1, hasBias: false);
        Checkpoint.LoadInto(layer, path);
        return Values(layer.weight!)[0];
    }

    private void Refuses(string path, string message)
    {
        var error = Assert.Throws<CheckpointException>(() => Loaded(path))!;
        Assert.That(error.Message, Does.Contain(message).And.Not.Contain("\n"));
    }
}
