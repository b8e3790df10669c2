using FlowBP.RandomStreams;
using FlowBP.Surrogates;
using FlowBP.Training.Pretraining;

namespace FlowBP.Training.Tests;

/// <summary>The loop on a least-squares problem whose answer is known.</summary>
[NonParallelizable] // Workers set the threads of matrix products for the whole process.
public class PretrainingLoopTests
{
    private const int Width = 3;
    private static readonly float[] Truth = [0.5f, -1, 2];

    [Test]
    public void It_finds_the_answer()
    {
        Assert.That(
            Train(null, [new(400, 16, 0.05) { WarmupSteps = 10, WeightDecay = 0 }]),
            Is.EqualTo(Truth).Within(1e-3f)
        );
    }

    [TestCase(1)]
    [TestCase(3)]
    public void Parts_on_workers_give_the_weights_of_the_whole_batch(int count)
    {
        // 16 rows on 3 workers are parts of unequal size: a mean of means would differ.
        StageRecipe[] cycles = [new(30, 16, 0.05) { WarmupSteps = 5, EmaDecay = 0.9 }];
        var whole = Train(null, cycles);
        using var workers = new BatchWorkers(count);
        Assert.That(Train(workers, cycles), Is.EqualTo(whole).Within(1e-5f));
    }

    [Test]
    public void Steps_count_on_over_cycles_and_every_report_says_of_how_many()
    {
        List<int> drawn = [];
        List<PretrainingProgress> reports = [];
        Train(null, [new(60, 4, 0.01), new(20, 8, 0.01)], drawn.Add, reports.Add);
        Assert.That(drawn, Is.EqualTo(Enumerable.Range(0, 80)));
        Assert.That(reports.Select(r => (r.Step, r.Steps)), Is.EqualTo(new[] { (50, 80), (60, 80), (80, 80) }));
    }

    // Minimises |x·w − x·truth|² over rows x that are drawn anew at every step.
    private static float[] Train(
        BatchWorkers? workers,
        IReadOnlyList<StageRecipe> cycles,
        Action<int>? drawn = null,
        Action<PretrainingProgress>? report = null
    )
    {
        using var scope = torch.NewDisposeScope();
        var weight = nn.Parameter(torch.zeros(Width));
        var truth = torch.tensor(Truth);
        new PretrainingLoop("test", cycles, report ?? (_ => { }), workers).Run(
            [("weight", weight)],
            (step, batch) =>
            {
                drawn?.Invoke(step);
                var x_BD = ShapesTensors.Normal([batch, Width], 7, step, RandomPurpose.InitialNoise);
                var y_B = x_BD.matmul(truth);
                return rows => F.mse_loss(x_BD.Rows(rows).matmul(weight), y_B.Rows(rows));
            }
        );
        return [.. weight.detach().data<float>()];
    }
}
