using FlowBP.Training.Pipelines;

namespace FlowBP.Training.Tests;

/// <summary>Factors of an adapter, pulled back with the blocks that they hang on.</summary>
public class AdaptedTransformerTests
{
    private static readonly TrainingSettings Rank2 = new()
    {
        LoraRank = 2,
        LoraTargetModules = ["to_q", "to_v", "proj_out"],
    };

    private DisposeScope scope = null!;

    [SetUp]
    public void OpenScope() => scope = torch.NewDisposeScope();

    [TearDown]
    public void CloseScope() => scope.Dispose();

    [TestCase("none", 1)]
    [TestCase("blocks", 1)]
    [TestCase("2", 1)]
    [TestCase("blocks", 2)]
    public void Factors_have_the_gradients_of_plain_autograd_and_frozen_weights_have_none(string mode, int workers)
    {
        using var model = new TextToImage(
            ModelFolder.At(EmbeddedAssets.Model, 1) with
            {
                CpuWorkers = workers,
                Seed = 5,
            },
            Rank2 with
            {
                GradientCheckpointing = mode,
            }
        );
        var factors = model.Adapter!.named_parameters().ToArray();
        Assert.That(factors, Is.Not.Empty);
        using (torch.no_grad())
        {
            // Zero factors would have hidden the first ones' gradients.
            foreach (var (i, (_, factor)) in factors.Index())
            {
                factor.add_(TinyModels.Waves(0.3 + i, factor.shape) * 0.05);
            }
        }
        using var conditioning = model.Painter.Encode(["a photo of a red circle", "a photo of two squares"]);
        var x_B = TinyModels.Waves(0.1, [2, .. model.LatentShape]);
        var sigma_B = torch.tensor(new[] { 0.5f, 0.75f });
        var cotangent_B = TinyModels.Waves(0.9, x_B.shape);

        var transformer = (Families.SD3.SD3Transformer2DModel)model.Model.Transformer;
        Fields.Whole(transformer).Vjp(x_B, sigma_B, conditioning, cotangent_B, wantInputGradient: false);
        var expected = factors.ToDictionary(p => p.name, p => Values(p.parameter.grad!));
        foreach (var (_, factor) in factors)
        {
            factor.grad = null;
        }
        model.Field.Vjp(x_B, sigma_B, conditioning, cotangent_B, wantInputGradient: false);

        var largest = expected.Values.Max(gradient => gradient.Max(Math.Abs));
        Assert.That(largest, Is.GreaterThan(0));
        foreach (var (name, factor) in factors)
        {
            Assert.That(Values(factor.grad!), Is.EqualTo(expected[name]).Within(1e-5 * largest), name);
        }
        Assert.That(transformer.parameters().Select(p => p.grad), Is.All.Null);
        Assert.That(model.TrainedParameters.Select(p => p.Name), Is.EqualTo(factors.Select(p => p.name)));
    }
}
