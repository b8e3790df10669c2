// A whole step on every family: rollout, decode, reward, pullback through both Euler steps. With every step active and every
// Jacobian kept the surrogate's gradient is the loss's own, so it can be measured from outside: move the parameters along a
// direction, and see by how much the loss moves.

using FlowBP.RandomStreams;
using FlowBP.Surrogates;
using FlowBP.Training.Pipelines;
using FlowBP.Training.Rewards;

namespace FlowBP.Training.Tests;

public class FamilyAlignmentTests
{
    private const int Batch = 2;
    private const int Steps = 2;

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

    [TestCaseSource(nameof(Families))]
    public void The_gradient_of_full_backpropagation_is_the_slope_of_the_loss(string family)
    {
        TinyModels.Writers[family](folder.Of("model"));
        using var model = new TextToImage(
            ModelFolder.At(folder.Of("model"), 2),
            new TrainingSettings { CfgDetachNeg = false },
            prompts: new TinyModels.Prompts()
        );
        Loss(model, pullBack: true);
        Tensor[] parameters = [.. model.Model.Transformer.parameters().Where(parameter => parameter.grad is not null)];
        Tensor[] gradients = [.. parameters.Select(parameter => parameter.grad!.clone())];
        var norm = Math.Sqrt(gradients.Sum(gradient => Math.Pow(gradient.norm().item<float>(), 2)));
        // Along the gradient the slope is the largest there is: rounding and the kinks of clamped pixels are small beside it.
        const double step = 2e-4;

        Move(parameters, gradients, step / norm);
        var ahead = Loss(model, pullBack: false);
        Move(parameters, gradients, -2 * step / norm);
        var behind = Loss(model, pullBack: false);

        Assert.That(norm, Is.GreaterThan(1));
        Assert.That((ahead - behind) / (2 * step), Is.EqualTo(norm).Within(0.02 * norm));
    }

    [TestCaseSource(nameof(Families))]
    public void A_decode_that_is_recomputed_leaves_the_gradient_as_it_is(string family)
    {
        TinyModels.Writers[family](folder.Of("model"));
        var plain = Gradient(recomputes: false);

        Assert.That(Gradient(recomputes: true), Is.EqualTo(plain));
        Assert.That(plain.Max(Math.Abs), Is.GreaterThan(0));

        float[] Gradient(bool recomputes)
        {
            using var model = new TextToImage(ModelFolder.At(folder.Of("model"), 2), prompts: new TinyModels.Prompts());
            model.Model.Vae.RecomputesDecode = recomputes;
            Loss(model, pullBack: true);
            return
            [
                .. model
                    .Model.Transformer.parameters()
                    .Where(parameter => parameter.grad is not null)
                    .SelectMany(parameter => parameter.grad!.data<float>().ToArray()),
            ];
        }
    }

    private static double Loss(TextToImage model, bool pullBack)
    {
        var schedule = model.Schedule(Steps);
        var executor = new SurrogateExecutor(
            model.Field,
            schedule,
            model.Compute.Kernels,
            new() { Storage = ScalarType.Float32 }
        );
        using var conditioning = model.Painter.Encode(["a red circle", "two squares"]);
        using var rewardConditioning = new Conditioning(
            "weight",
            TinyModels.Waves(3.1, Batch, 3, TinyModels.Side, TinyModels.Side)
        );
        var batch = new SurrogateBatch
        {
            Plan = BatchPlan.Draw(
                new FullPlanner(),
                schedule,
                Batch,
                DrawScope.PerBatch,
                b => RandomStream.For(1, 0, b, RandomPurpose.Indices)
            ),
            Noise_B = TinyModels.Waves(0.1, [Batch, .. model.LatentShape]) * 0.2,
            Conditioning = conditioning,
            RewardConditioning = rewardConditioning,
        };
        using var rollout = executor.Rollout(batch);
        using var gradient = executor.RewardGradient(
            batch,
            rollout,
            executor.Weigh(batch, rollout),
            new LatentReward(model.Model.Vae, new Weighed()),
            new(Threshold: 1000)
        );
        if (pullBack)
        {
            executor.AccumulateGradients(batch, rollout, gradient);
        }
        return gradient.Loss;
    }

    private static void Move(Tensor[] parameters, Tensor[] directions, double step)
    {
        using var noGrad = torch.no_grad();
        foreach (var (parameter, direction) in parameters.Zip(directions))
        {
            parameter.add_(direction * step);
        }
    }

    /// <summary>Pixels times fixed weights, summed.</summary>
    private sealed class Weighed : IImageReward
    {
        public string Name => "weighed";

        public Conditioning Encode(IReadOnlyCollection<string> prompts) => throw new NotSupportedException();

        public Tensor Score(Tensor image_BCYX, Conditioning conditioning) =>
            (image_BCYX * conditioning["weight"]).flatten(1).sum(1);

        public void Dispose() { }
    }
}
