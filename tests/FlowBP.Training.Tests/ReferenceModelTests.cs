using FlowBP.Training.Pipelines;

namespace FlowBP.Training.Tests;

/// <summary>The reference is the model as it was, whatever is trained since.</summary>
public class ReferenceModelTests
{
    private TemporaryFolder folder = null!;
    private DisposeScope scope = null!;

    private static IEnumerable<string> Families => TinyModels.Writers.Keys;

    [SetUp]
    public void Open()
    {
        folder = new();
        scope = torch.NewDisposeScope();
    }

    [TearDown]
    public void Close()
    {
        scope.Dispose();
        folder.Dispose();
    }

    [Test]
    public void It_has_the_velocities_from_before_the_training(
        [ValueSource(nameof(Families))] string family,
        [Values(ScalarType.Float32, ScalarType.BFloat16)] ScalarType type,
        [Values(null, 2)] int? rank
    )
    {
        TinyModels.Writers[family](folder.Of("model"));
        using var model = new TextToImage(
            ModelFolder.At(folder.Of("model"), 2) with
            {
                ComputeDtype = type,
            },
            new TrainingSettings { LoraRank = rank },
            prompts: new TinyModels.Prompts()
        );
        var before = Velocity(model.Field, model);
        using var reference = new ReferenceModel(model);
        Assert.That(Velocity(reference.Field, model), Is.EqualTo(before));
        using (torch.no_grad())
        {
            foreach (var parameter in model.Adapter?.parameters() ?? model.Model.Transformer.parameters())
            {
                parameter.add_(TinyModels.Waves(0.3, parameter.shape).to(parameter.dtype) * 0.1);
            }
        }
        using (Assert.EnterMultipleScope())
        {
            Assert.That(Velocity(reference.Field, model), Is.EqualTo(before));
            Assert.That(Velocity(model.Field, model), Is.Not.EqualTo(before));
            Assert.That(reference.Bytes > 0, Is.EqualTo(rank is null), "an adapter is switched off instead");
            Assert.That(model.Adapter?.Enabled, Is.Not.False);
        }
    }

    private static double[] Velocity(Surrogates.IVelocityField field, TextToImage model)
    {
        using var inner = torch.NewDisposeScope();
        using var conditioning = model.Painter.Encode(["a red circle", "two squares"]);
        var x_BCYX = TinyModels.Waves(0.1, [2, .. model.LatentShape]);
        return TensorValues.Numbers(field.Evaluate(x_BCYX, torch.tensor([0.9f, 0.4f]), conditioning));
    }
}
