// The checker itself must be able to say no.

using FlowBP.Formats;
using FlowBP.Verification;
using FlowBP.Verification.Networks;

namespace FlowBP.Models.Tests;

public sealed class ModelFixtureTests
{
    private string folder = "";

    [SetUp]
    public void CreateFolder() => folder = Directory.CreateTempSubdirectory("flowbp-fixture-").FullName;

    [TearDown]
    public void DeleteFolder() => Directory.Delete(folder, recursive: true);

    [TestCase("clip_l_text", "out.text_embeds")]
    [TestCase("sd3_transformer", "grad.param.proj_out.bias")]
    [TestCase("pickscore_clip", "grad.in.pixel_values")]
    [TestCase("hpsv2_clip", "case1.grad_image")]
    public void A_wrong_number_fails_the_fixture_and_is_named(string fixture, string tensor)
    {
        Copy(fixture);
        Change("io.safetensors", tensor, value => value * 1.001);

        var result = ModelFixture.Run(folder);

        Assert.That(result.Outcome, Is.EqualTo(FixtureOutcome.Failed));
        Assert.That(result.Detail, Does.Contain(tensor));
        Assert.That(result.WorstError, Is.EqualTo(1e-3).Within(1e-4));
    }

    [Test]
    public void Against_float64_a_wrong_number_is_the_recordings_error()
    {
        Copy("clip_l_text");
        var right = ModelFixture.Run(folder, againstFloat64: true).AgainstFloat64!;
        Assert.That(right.Computed, Is.InRange(1e-9, 1e-5));
        Assert.That(right.Recorded, Is.InRange(1e-9, 1e-5));
        Change("io.safetensors", "out.text_embeds", value => value * 1.001);
        var wrong = ModelFixture.Run(folder, againstFloat64: true).AgainstFloat64!;
        Assert.That(wrong.Computed, Is.EqualTo(right.Computed));
        Assert.That(wrong.Recorded, Is.EqualTo(1e-3).Within(1e-4));
        Assert.That(wrong.RecordedWhere, Is.EqualTo("out.text_embeds"));
        Assert.That(ModelFixture.Run(folder).AgainstFloat64, Is.Null);
    }

    [Test]
    public void A_number_that_is_none_fails_the_fixture()
    {
        Copy("clip_l_text");
        Change("model.safetensors", "text_projection.weight", value => value * float.NaN);

        Assert.That(ModelFixture.Run(folder).Outcome, Is.EqualTo(FixtureOutcome.Failed));
    }

    [Test]
    public void A_truncated_file_fails_the_fixture_with_its_message()
    {
        Copy("clip_l_text");
        var file = Path.Combine(folder, "model.safetensors");
        File.WriteAllBytes(file, File.ReadAllBytes(file)[..^4]);

        var result = ModelFixture.Run(folder);

        Assert.That(result.Outcome, Is.EqualTo(FixtureOutcome.Failed));
        Assert.That(result.Detail, Does.StartWith(file));
    }

    [Test]
    public void A_network_that_does_not_exist_yet_is_skipped_by_name()
    {
        Copy("clip_l_text");
        File.WriteAllText(Path.Combine(folder, "config.json"), """{"_class_name":"NewTransformer2DModel"}""");
        File.WriteAllText(Path.Combine(folder, "meta.json"), "{}");

        var result = ModelFixture.Run(folder);

        Assert.That(result.Outcome, Is.EqualTo(FixtureOutcome.Skipped));
        Assert.That(result.Detail, Does.Contain("NewTransformer2DModel"));
    }

    [Test]
    public void A_fixture_is_known_by_its_files()
    {
        var root = SharedFolder.Require("goldens/models");

        string[] found =
        [
            .. Directory.EnumerateDirectories(root).Where(ModelFixture.Matches).Select(path => Path.GetFileName(path)),
        ];

        Assert.That(found, Is.SupersetOf(new[] { "sd3_transformer", "sd3_vae", "hpsv2_clip", "tokenizers" }));
        Assert.That(found, Does.Not.Contain("e2e_sd35"));
    }

    [Test]
    public void Tokenizer_fixture_passes()
    {
        var result = ModelFixture.Run(SharedFolder.Require("goldens/models/tokenizers"));

        Assert.That(result.Outcome, Is.EqualTo(FixtureOutcome.Passed), result.Detail);
    }

    private void Copy(string fixture)
    {
        foreach (var file in Directory.EnumerateFiles(SharedFolder.Require($"goldens/models/{fixture}")))
        {
            File.WriteAllBytes(Path.Combine(folder, Path.GetFileName(file)), File.ReadAllBytes(file));
        }
    }

    private void Change(string fileName, string tensor, Func<Tensor, Tensor> change)
    {
        using var scope = torch.NewDisposeScope();
        var file = Path.Combine(folder, fileName);
        Dictionary<string, Tensor> tensors;
        using (var read = SafetensorsFile.Open(file))
        {
            tensors = read.Entries.Keys.ToDictionary(name => name, read.Load);
        }
        tensors[tensor] = change(tensors[tensor]);
        SafetensorsWriter.Write(file, tensors);
    }
}
