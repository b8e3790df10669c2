using FlowBP.Settings;
using FlowBP.Training.Studies;

namespace FlowBP.Training.Tests.Studies;

/// <summary>Studies of two steps on the embedded model, stopped, gone on with, and refused.</summary>
public class StudyRunTests
{
    private static readonly string[] s_tables =
    [
        "gains.csv",
        "curve.csv",
        "training.csv",
        "results.json",
        "results.md",
    ];

    private TemporaryFolder folder = null!;

    [SetUp]
    public void CreateFolder() => folder = new();

    [TearDown]
    public void DeleteFolder() => folder.Dispose();

    [Test]
    public void A_study_that_was_stopped_computes_the_rest_and_has_the_same_tables()
    {
        var whole = new Watch();
        var report = Run("whole", whole, parallel: 2);
        using var stop = new CancellationTokenSource();
        var stopped = new Watch { AfterCell = (done, _) => Cancel(done == 2, stop) };
        Assert.That(
            () => Run("stopped", stopped, parallel: 1, stop.Token),
            Throws.InstanceOf<OperationCanceledException>()
        );
        Assert.That(File.Exists(folder.Of("stopped", "results.md")), Is.False);
        var rest = new Watch();
        Run("stopped", rest, parallel: 1);
        var again = new Watch();
        Run("stopped", again, parallel: 1);
        using (Assert.EnterMultipleScope())
        {
            Assert.That((whole.Kept, whole.Done.Count), Is.EqualTo((0, 5)));
            Assert.That((rest.Kept, rest.Done.Count), Is.EqualTo((2, 3)));
            Assert.That(rest.Done, Has.None.AnyOf([.. stopped.Done]));
            Assert.That((again.Kept, again.Done.Count), Is.EqualTo((5, 0)));
            Assert.That(whole.Shares, Is.Ordered.And.All.InRange(0, 1));
            Assert.That(whole.Shares[^1], Is.EqualTo(1));
        }
        foreach (var table in s_tables)
        {
            Assert.That(
                File.ReadAllBytes(folder.Of("stopped", table)),
                Is.EqualTo(File.ReadAllBytes(folder.Of("whole", table))),
                table
            );
        }
        var sparse = report.Arms[0];
        using (Assert.EnterMultipleScope())
        {
            Assert.That(sparse.Seeds, Is.EqualTo(new[] { 1L, 2L }));
            Assert.That(sparse.Curve.Select(point => point.Step), Is.EqualTo(new[] { 0, 1, 2 }));
            Assert.That(
                sparse.Gains.Keys,
                Is.SupersetOf(new[] { "reward", "heldout_reward", "rule_accuracy", "picture_spread" })
            );
            Assert.That(sparse.Gains["reward"].Gain, Is.Not.Zero, "it was trained");
            Assert.That(sparse.Gains["reward"].BySeed[0], Is.Not.EqualTo(sparse.Gains["reward"].BySeed[1]));
            Assert.That(sparse.Training.Reward, Has.Count.EqualTo(2));
            Assert.That(sparse.Training.EndDeviation, Is.Null, "a replay has no connector");
            Assert.That(report.Arms[1].Training.EndDeviation, Has.Some.GreaterThan(0));
            Assert.That(report.Comparisons.Single().Against, Is.EqualTo("sparse"));
            Assert.That(report.LeapErrors!.Select(error => error.Length), Is.EqualTo(new[] { 1, 2 }));
            Assert.That(report.LeapErrors![1].Error, Is.GreaterThan(report.LeapErrors![0].Error));
        }
    }

    [Test]
    public void A_seed_more_is_all_that_is_computed()
    {
        Run("study", new Watch(), parallel: 1, seeds: ["1"], arms: ["sparse"]);
        var more = new Watch();
        Run("study", more, parallel: 1, seeds: ["1", "3"], arms: ["sparse"]);
        Assert.That(more.Done, Is.EqualTo(new[] { "sparse-seed-3" }));
    }

    [Test]
    public void A_changed_setting_is_named_and_nothing_is_overwritten()
    {
        Run("study", new Watch(), parallel: 1, seeds: ["1"], arms: ["sparse"]);
        var before = Contents();
        using (Assert.EnterMultipleScope())
        {
            Assert.That(
                () => Run("study", new Watch(), overrides: "learning_rate=0.02"),
                Throws
                    .InstanceOf<IOException>()
                    .With.Message.Contains("can't be gone on with: arm leap: learning_rate was 0.01 and is 0.02")
            );
            Assert.That(
                () => Run("study", new Watch(), name: "other"),
                Throws.InstanceOf<IOException>().With.Message.Contains("it holds study tiny, not other")
            );
            File.AppendAllText(folder.Of("prompts.txt"), "a photo of a blue square\n");
            Assert.That(
                () => Run("study", new Watch()),
                Throws.InstanceOf<IOException>().With.Message.Contains("content of prompts was ")
            );
            Assert.That(Contents(), Is.EqualTo(before));
        }

        string[] Contents() =>
            [
                .. Directory
                    .GetFiles(folder.Of("study"), "*.*", SearchOption.AllDirectories)
                    .Where(file => !Path.GetFileName(file).StartsWith('.'))
                    .Order()
                    .Select(file => file + File.ReadAllText(file)),
            ];
    }

    [Test]
    public void A_folder_that_holds_something_else_is_left_alone()
    {
        folder.Write("study/mine.txt", "mine");
        Assert.That(
            () => Run("study", new Watch()),
            Throws
                .InstanceOf<IOException>()
                .With.Message.EndsWith("exists and holds no study; name another --output_dir")
        );
        Assert.That(Directory.GetFileSystemEntries(folder.Of("study")), Has.Length.EqualTo(1));
    }

    [Test]
    public void Splits_that_overlap_are_refused_by_name()
    {
        WriteFiles("tiny");
        File.AppendAllText(folder.Of("prompts.txt"), "a photo of a blue circle\n");
        Assert.That(
            () => Execute("study", new Watch()),
            Throws
                .InstanceOf<InvalidSettingException>()
                .With.Message.StartsWith("eval_prompts and prompts have \"a photo of a blue circle\" in common")
        );
        Assert.That(Directory.Exists(folder.Of("study")), Is.False);
    }

    [Test]
    public void An_alarm_and_a_choice_are_heeded_on_the_prompts_of_choices()
    {
        var report = Run(
            "study",
            new Watch(),
            parallel: 1,
            seeds: ["1"],
            arms: ["sparse"],
            overrides:
            [
                "on_hacking=warn",
                "hacking_interval=1",
                "select=heldout",
                "select_strengths=[0.5, 1]",
                "select_images_per_prompt=1",
                $"select_prompts={folder.Write("choice.txt", "a photo of a green square\na photo of a red triangle\n")}",
            ]
        );
        var ending = report.Arms[0].Endings.Single();
        using (Assert.EnterMultipleScope())
        {
            Assert.That(ending.Hacking!.TrippedAt, Is.Null, "two prompts never trip");
            Assert.That(ending.Hacking.KeptStep, Is.EqualTo(2));
            Assert.That(ending.Kept!.Step, Is.AnyOf(1, 2));
            Assert.That(ending.Kept.Strength, Is.AnyOf(0.5, 1.0));
            Assert.That(report.Arms[0].Curve.Select(point => point.Step), Is.EqualTo(new[] { 0, 1, 2 }));
        }
    }

    private StudyReport Run(
        string output,
        Watch watch,
        int parallel = 1,
        CancellationToken stop = default,
        string[]? seeds = null,
        string[]? arms = null,
        string name = "tiny",
        params string[] overrides
    )
    {
        if (!File.Exists(folder.Of($"{name}.yaml")))
        {
            WriteFiles(name);
        }
        return Execute(output, watch, parallel, stop, seeds, arms, name, overrides);
    }

    private StudyReport Execute(
        string output,
        Watch watch,
        int parallel = 1,
        CancellationToken stop = default,
        string[]? seeds = null,
        string[]? arms = null,
        string name = "tiny",
        params string[] overrides
    ) =>
        new StudyRun(
            new(
                new()
                {
                    Name = folder.Of($"{name}.yaml"),
                    OutputDir = folder.Of(output),
                    ParallelCells = parallel,
                    Seeds = seeds ?? [],
                    Arms = arms ?? [],
                    Overrides = overrides,
                    Device = "cpu",
                }
            ),
            watch
        ).Execute(stop);

    private void WriteFiles(string name)
    {
        var prompts = folder.Write("prompts.txt", "a photo of a red circle\na photo of a red square\n");
        var test = folder.Write("test.txt", "a photo of a blue circle\na photo of a green circle\n");
        folder.Write(
            $"{name}.yaml",
            $$"""
            seeds: [1, 2]
            evaluation_seeds: [5, 6]
            curve: [1]
            leap_errors: true
            settings:
              prompts: {{prompts}}
              eval_prompts: {{test}}
              eval_images_per_prompt: 2
              rollout_steps: 3
              sampling_steps: 2
              train_batch_size: 2
              max_train_steps: 2
              learning_rate: 1e-2
              lr_warmup_steps: 0
              hinge_lambda: 1000
            arms:
              sparse: {method: flowbp-sparse, num_active_steps: 2}
              leap: {method: leapalign, against: sparse}
            """
        );
    }

    private static void Cancel(bool now, CancellationTokenSource stop)
    {
        if (now)
        {
            stop.Cancel();
        }
    }

    private sealed class Watch : IStudyObserver
    {
        public int Kept { get; private set; }

        public List<string> Done { get; } = [];

        public List<double> Shares { get; } = [];

        public Action<int, int> AfterCell { get; init; } = (_, _) => { };

        public void Begin(int cells, int kept) => Kept = kept;

        public void Step(StudyCell cell, int step, int steps, double share) => Shares.Add(share);

        void IStudyObserver.Done(StudyCell cell, CellRecord record, int done, int cells)
        {
            Done.Add(cell.Name);
            AfterCell(done, cells);
        }

        public void Notice(string text) { }
    }
}
