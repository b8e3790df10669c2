using FlowBP.Families;
using FlowBP.Families.Flux1;
using FlowBP.Families.SD3;
using FlowBP.Formats;
using FlowBP.Training.Pipelines;
using FlowBP.Training.Runs;

namespace FlowBP.Training.Tests;

/// <summary>Weights between a base and what was aligned.</summary>
public sealed class StrengthTests
{
    private TemporaryFolder folder = null!;

    // The embedded model, every weight w moved to 2·w + 0.25.
    [OneTimeSetUp]
    public void WriteAnAlignedModel()
    {
        folder = new();
        using var noGrad = torch.no_grad();
        using var model = new TextToImage(new ModelSettings());
        foreach (var parameter in model.Model.Transformer.parameters())
        {
            parameter.mul_(2).add_(0.25);
        }
        model.Storage.Save(Aligned);
    }

    [OneTimeTearDown]
    public void DeleteFolder() => folder.Dispose();

    private string Aligned => Path.Combine(folder.Path, "aligned");

    private ModelSettings At(double strength) =>
        new()
        {
            Model = Aligned,
            StrengthBase = ModelFamilies.Embedded,
            Strength = strength,
        };

    [TestCase(0)]
    [TestCase(0.5)]
    [TestCase(1)]
    [TestCase(1.5)]
    [TestCase(-1)]
    public void Weights_lie_on_the_line_through_base_and_aligned(double strength)
    {
        using var scope = torch.NewDisposeScope();
        using var origin = new TextToImage(new ModelSettings());
        using var model = new TextToImage(At(strength));
        foreach (
            var ((name, start), (_, at)) in origin
                .Model.Transformer.named_parameters()
                .Zip(model.Model.Transformer.named_parameters())
        )
        {
            var expected = start.detach().to(ScalarType.Float64) * (1 + strength) + 0.25 * strength;
            var error = (at.detach().to(ScalarType.Float64) - expected).abs().max().ToDouble();
            Assert.That(error, Is.LessThan(strength == 0 ? double.Epsilon : 2e-5), name);
        }
    }

    [Test]
    public void A_saved_model_has_the_weights_of_its_strength()
    {
        var saved = Path.Combine(folder.Path, "half");
        new SaveRun(new SaveSettings { Model = At(0.5), OutputDir = saved }).Execute();
        using var read = new TextToImage(new ModelSettings { Model = saved });
        using var model = new TextToImage(At(0.5));
        foreach (
            var ((name, expected), (_, stored)) in model
                .Model.Transformer.named_parameters()
                .Zip(read.Model.Transformer.named_parameters())
        )
        {
            Assert.That((stored - expected).abs().max().ToDouble(), Is.Zero, name);
        }
    }

    [Test]
    public void Without_a_base_or_with_two_it_is_refused()
    {
        using (Assert.EnterMultipleScope())
        {
            Assert.That(
                () => new ModelSettings { Strength = 0.5 }.Check(),
                Throws.TypeOf<ConfigurationException>().With.Message.Contains("strength_base")
            );
            Assert.That(
                () => (At(0.5) with { LoraWeights = "lora" }).Check(),
                Throws.TypeOf<ConfigurationException>().With.Message.Contains("lora_weights")
            );
        }
    }

    [TestCase(SD3Family.PipelineClass, "expected the network that was aligned")]
    [TestCase(Flux1Family.PipelineClass, "expected one of sd35")]
    public void A_base_of_other_sizes_or_another_family_is_refused_by_name(string family, string expected)
    {
        var other = Path.Combine(folder.Path, family);
        TinyModels.Writers[family](other);
        Assert.That(
            () => new TextToImage(At(0.5) with { StrengthBase = other }),
            Throws.TypeOf<CheckpointException>().With.Message.Contains(expected)
        );
    }
}
