using FlowBP.Cli.Output;
using FlowBP.Training.Alignment;
using FlowBP.Training.Pretraining;

namespace FlowBP.Cli.Tests;

/// <summary>The progress line: what it says, and how often it says it where nobody can rewrite it.</summary>
public class ProgressTests
{
    private sealed class SetClock : TimeProvider
    {
        public DateTimeOffset Now { get; set; } = DateTimeOffset.UnixEpoch;

        public override DateTimeOffset GetUtcNow() => Now;
    }

    // With rewards 1, 2, 3 …
    internal static IEnumerable<StepReport> Reports(int count) =>
        Enumerable
            .Range(1, count)
            .Select(Report)
            .Select(report => report with { Surrogate = report.Surrogate with { Reward = report.Step } });

    private static StepReport Report(int step) =>
        new()
        {
            Step = step,
            GradNorm = 0.81234,
            LearningRate = 4e-5,
            Seconds = 0.66,
            SecondsByPart = new Dictionary<string, double>(),
            ImagesPerSecond = 24.24,
            PeakMemoryBytes = 300L << 20,
            Surrogate = new()
            {
                Loss = 0.13,
                Reward = 0.71234,
                SampleWeight = 1,
                ActiveFraction = 1,
                KeptFraction = 1,
                SplitDeviation = null,
                EndDeviation = null,
                ReconstructionError = null,
                Coverage = 0.25,
                NestedDepth = 0,
                NegativeWeightFraction = 0,
                Rescale = new Dictionary<string, double>(),
                Indices = [new Dictionary<string, IReadOnlyList<int>>()],
                RolloutEvaluations = default,
                RenoiseEvaluations = default,
                Pullbacks = default,
            },
        };

    [Test]
    public void A_step_is_shown_with_the_time_that_is_left() =>
        Assert.That(
            AlignmentProgress.Text(Report(40), 160, TimeSpan.FromSeconds(30)),
            Is.EqualTo("40/160  ETA 1:30  reward 0.7123  grad 0.812  24.2 img/s  peak 300 MiB")
        );

    [Test]
    public void Even_a_long_line_fits_80_columns()
    {
        var report = Report(12000);
        report = report with
        {
            Surrogate = report.Surrogate with { Reward = -0.71234 },
            GradNorm = 12.345,
            PeakMemoryBytes = 123L << 30,
        };
        Assert.That(AlignmentProgress.Text(report, 20000, TimeSpan.FromHours(20)), Has.Length.LessThanOrEqualTo(80));
    }

    [Test]
    public void Pretraining_is_shown_with_the_time_that_is_left() =>
        Assert.That(
            PretrainingDisplay.Text(new PretrainingProgress("flow", 450, 9000, 0.25, TimeSpan.FromMinutes(3))),
            Is.EqualTo("flow 450/9000  ETA 57:00  loss 0.2500")
        );

    [Test]
    public void Before_the_first_step_nobody_knows_how_long_it_takes() =>
        Assert.That(Remaining.Text(0, 9000, TimeSpan.FromSeconds(5)), Is.EqualTo("-"));

    [Test]
    public void A_log_gets_a_line_every_few_seconds_and_every_line_that_stays()
    {
        var clock = new SetClock();
        using var log = new StringWriter();
        var line = new ProgressLine.Repeated(log, clock);
        line.Begin("training");
        for (var second = 0; second <= 10; second++)
        {
            clock.Now = DateTimeOffset.UnixEpoch.AddSeconds(second);
            line.Show($"step {second}");
        }
        line.Say("done");
        Assert.That(log.ToString(), Is.EqualTo("training\nstep 0\nstep 5\nstep 10\ndone\n"));
    }

    [Test]
    public void A_wish_to_stop_is_heeded_at_the_next_step()
    {
        using var log = new StringWriter();
        var progress = new AlignmentProgress(
            new ProgressLine.Repeated(log, TimeProvider.System),
            TimeProvider.System,
            new CancellationToken(canceled: true)
        );
        Assert.That(() => progress.Step(Report(1), 2), Throws.InstanceOf<OperationCanceledException>());
    }

    [TestCase(42, "0:42")]
    [TestCase(725, "12:05")]
    [TestCase(11220, "3:07:00")]
    public void Durations_read_as_on_a_clock(int seconds, string text) =>
        Assert.That(Figures.Duration(TimeSpan.FromSeconds(seconds)), Is.EqualTo(text));

    [TestCase(0.01234, "+0.0123")]
    [TestCase(-0.5, "-0.5000")]
    [TestCase(0, "+0.0000")]
    [TestCase(-2.7e-7, "+0.0000")]
    public void Gains_carry_their_sign(double gain, string text) =>
        Assert.That(Figures.Signed(gain, 4), Is.EqualTo(text));
}
