using FlowBP.Surrogates;
using FlowBP.Training.Alignment;
using FlowBP.Training.Checkpoints;
using FlowBP.Training.Configuration;
using FlowBP.Training.Devices;
using FlowBP.Training.Evaluation;
using FlowBP.Training.Pipelines;
using FlowBP.Training.Rewards;
using FlowBP.Training.Runs;

namespace FlowBP.Training.Tests.Checkpoints;

/// <summary>A step in which a number is not finite is left out, named, and changes nothing.</summary>
public sealed class NonFiniteStepTests : ResumableRunTests
{
    private static readonly string[] s_prompts = ["a photo of a red circle", "a photo of a blue square"];

    // The fourth of five steps fails; checkpoints are due after the second and the fourth.
    [TestCase("skip", 3)]
    [TestCase("rollback", 2)]
    public void The_next_step_goes_on_from_the_weights_that_are_kept(string response, int kept)
    {
        (string, string)[] given =
        [
            ("max_train_steps", "5"),
            ("checkpointing_steps", "2"),
            ("evaluation_interval", "0"),
            ("sample_interval", "9"),
            ("lora_rank", "2"),
            ("hinge_lambda", "10"),
        ];
        var config = Config("run", [.. given, ("nonfinite", response)]);
        using var model = Open(config);
        using var moody = new Moody(atStep: 4);
        using var trainer = new AlignmentTrainer(config, model, moody, s_prompts);
        moody.Done = () => trainer.StepsDone;
        var watcher = new Watcher();
        using var output = new OutputFolder(config.OutputDir, overwrite: false);
        var identity = new RunIdentity(config, "cpu", new Dictionary<string, string>());
        using var checkpoints = new RunCheckpoints(identity, model, trainer, output, null, watcher.Notice);
        var parts = new RunParts(
            config,
            watcher,
            model,
            trainer,
            new ImageEvaluator(s_prompts, [], steps: 1, seed: 1),
            new SamplePictures("test"),
            output,
            new TrainedWeights(model, trainer, output, watcher.Notice),
            Selection: null,
            Watch: null,
            checkpoints
        );
        var reports = new TrainingLoop(parts).Run(default);

        using var other = Open(config);
        using var steady = new Moody(atStep: null);
        using var expected = new AlignmentTrainer(config, other, steady, s_prompts);
        for (var step = 0; step < kept; step++)
        {
            expected.Step(step);
        }
        expected.CountFrom(4);
        expected.Step(4);
        using (Assert.EnterMultipleScope())
        {
            Assert.That(reports.Select(report => report.Step), Is.EqualTo([1, 2, 3, 5]));
            Assert.That(State(trainer), Is.EqualTo(State(expected)));
            Assert.That(trainer.Optimizer.Steps, Is.EqualTo(kept + 1), "every step moves something");
            Assert.That(parts.Progress.LeftOut, Is.EqualTo(1));
            Assert.That(
                watcher.Notices,
                Has.Some.StartWith("step 4 is left out").And.Some.Contains("reward of sample 1 is not finite")
            );
            var line = File.ReadAllLines(Folder.Of("run/metrics.jsonl"))[3];
            Assert.That(line, Does.Contain("\"step\":4").And.Contains("left_out"));
            Assert.That(
                CheckpointManifest.Read(Folder.Of("run/checkpoints/checkpoint-4")).Counters.LeftOut,
                Is.EqualTo(1)
            );
        }
    }

    [TestCase("stop", "reward of sample 1")]
    [TestCase("rollback", "no checkpoint yet")]
    public void Without_a_way_on_the_run_ends(string response, string said)
    {
        var config = Config("run", ("nonfinite", response), ("lora_rank", "2"));
        using var model = Open(config);
        using var moody = new Moody(atStep: 1);
        using var trainer = new AlignmentTrainer(config, model, moody, s_prompts);
        var watcher = new Watcher();
        using var output = new OutputFolder(config.OutputDir, overwrite: false);
        var identity = new RunIdentity(config, "cpu", new Dictionary<string, string>());
        using var checkpoints = new RunCheckpoints(identity, model, trainer, output, null, watcher.Notice);
        var parts = new RunParts(
            config,
            watcher,
            model,
            trainer,
            new ImageEvaluator(s_prompts, [], steps: 1, seed: 1),
            new SamplePictures("test"),
            output,
            new TrainedWeights(model, trainer, output, watcher.Notice),
            Selection: null,
            Watch: null,
            checkpoints
        );
        Assert.That(
            () => new TrainingLoop(parts).Run(default),
            Throws.InstanceOf<NonFiniteException>().With.Message.Contains(said)
        );
    }

    private static TextToImage Open(AlignmentConfig config) =>
        config.Model.Open(ComputeDevice.Cpu, s_prompts, null, config.Training);

    private static double[] State(AlignmentTrainer trainer) =>
        [
            .. trainer.Optimizer.State.SelectMany(state =>
                TrainingState.Of(state).SelectMany(each => TensorValues.Numbers(each.Tensor)).Append(state.Steps)
            ),
        ];

    // The mean of a picture, and in one step no number for the second of two.
    private sealed class Moody(int? atStep) : IImageReward
    {
        public Func<int> Done { get; set; } = () => 0;

        public string Name => "moody";

        public Conditioning Encode(IReadOnlyCollection<string> prompts) => new("none", torch.zeros(prompts.Count));

        public Tensor Score(Tensor image_BCYX, Conditioning conditioning)
        {
            var score_B = image_BCYX.mean([1, 2, 3]);
            return Done() + 1 == atStep ? score_B * torch.tensor(new[] { 1f, float.NaN }) : score_B;
        }

        public void Dispose() { }
    }
}
