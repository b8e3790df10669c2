using FlowBP.Families;
using FlowBP.Training.Configuration;
using FlowBP.Training.Evaluation;
using FlowBP.Training.Pipelines;
using FlowBP.Training.Runs;

namespace FlowBP.Training.Tests;

/// <summary>Going back to the best step is exact.</summary>
public sealed class HackingWatchTests
{
    private const string Metric = "written";

    [TestCase(null, null)]
    [TestCase(null, "0.9")]
    [TestCase("4", null)]
    [TestCase("4", "0.9")]
    public void The_best_steps_weights_come_back_to_the_bit(string? rank, string? decay)
    {
        (string, string)[] adapter = rank is null ? [] : [("lora_rank", rank)];
        (string, string)[] average = decay is null
            ? [("use_ema", "false")]
            : [("use_ema", "true"), ("ema_decay", decay)];
        var config = AlignmentConfig.Resolve([
            new("method", "draft-lv"),
            new("train_batch_size", "1"),
            new("rollout_steps", "3"),
            new("learning_rate", "1e-2"),
            new("lr_warmup_steps", "0"),
            new("max_train_steps", "3"),
            new("on_hacking", "rollback"),
            .. adapter.Concat(average).Select(pair => KeyValuePair.Create(pair.Item1, pair.Item2)),
        ]);
        using var open = new OpenTrainer(config, config.Training);
        var (model, trainer) = (open.Model, open.Trainer);
        var judge = new WrittenJudge(0.5, 0.75, 0.25);
        var prompts = Enumerable.Range(0, 8).Select(_ => "a photo of a red circle").ToArray();
        var evaluator = new ImageEvaluator(prompts, [judge], steps: 1, seed: 3);
        using var watch = new HackingWatch(config.Hacking, config.MaxTrainSteps, model, evaluator, Metric);
        List<double[]> trained = [];
        List<HackingJudgement> judgements = [];
        for (var step = 0; step < 3; step++)
        {
            trainer.Step(step);
            using var averaged = trainer.Averaged();
            trained.Add(Weights(model));
            judgements.Add(watch.Judge(step + 1, default));
        }
        using var stored = trainer.Averaged();
        using (Assert.EnterMultipleScope())
        {
            Assert.That(judgements.Select(judgement => judgement.Trips), Is.EqualTo([false, false, true]));
            Assert.That(judgements[^1].BestStep, Is.EqualTo(2));
            Assert.That(watch.Outcome, Is.EqualTo(new HackingOutcome(TrippedAt: 3, BestStep: 2, KeptStep: 2)));
            Assert.That(trained[2], Is.Not.EqualTo(trained[1]));
            Assert.That(Weights(model), Is.EqualTo(trained[1]));
        }
    }

    private static double[] Weights(TextToImage model) =>
        [.. model.TrainedParameters.SelectMany(each => TensorValues.Numbers(each.Parameter))];

    // One score for all pictures of an evaluation, the next for those of the next one.
    private sealed class WrittenJudge(params double[] scores) : IPictureJudge
    {
        private int asked;

        public string Metric => HackingWatchTests.Metric;

        public bool IsShare => false;

        public string? Objection(ImageSize size) => null;

        public IEnumerable<double> Score(Tensor image_BCYX, IReadOnlyList<string> prompts)
        {
            var score = scores[asked++];
            return prompts.Select(_ => score);
        }

        public IReadOnlyList<PromptGroup> Groups(IReadOnlyList<string> prompts) => [];
    }
}
