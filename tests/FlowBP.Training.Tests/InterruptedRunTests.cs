// A run that ends early, at every kind of place: what was trained is on the disk, complete, and the exception says where.

using FlowBP.Families.SD3;
using FlowBP.Surrogates;
using FlowBP.Training.Alignment;
using FlowBP.Training.Evaluation;
using FlowBP.Training.Pipelines;
using FlowBP.Training.Runs;

namespace FlowBP.Training.Tests;

/// <summary>Nothing that was trained is lost.</summary>
public class InterruptedRunTests
{
    private const string Weights = "transformer/diffusion_pytorch_model.safetensors";

    private TemporaryFolder folder = null!;

    [SetUp]
    public void CreateFolder() => folder = new();

    [TearDown]
    public void DeleteFolder() => folder.Dispose();

    [Test]
    public void A_run_that_is_stopped_stores_what_it_has_under_a_name_that_says_so()
    {
        var stopped = Interrupted(new Stopper { AtStep = 2 }, new OperationCanceledException());
        using (Assert.EnterMultipleScope())
        {
            Assert.That(stopped.Steps, Is.EqualTo(2));
            Assert.That(stopped.Weights, Is.EqualTo(folder.Of("run/checkpoints/step-000002-stopped")));
            Assert.That(Directory.Exists(folder.Of("run/model")), Is.False);
        }
        using var whole = SD3Pipeline.Load(stopped.Weights);
    }

    [TestCase("not finite")]
    [TestCase("disk")]
    [TestCase("surprise")]
    public void Whatever_ends_the_training_the_weights_are_kept(string kind)
    {
        Exception cause = kind switch
        {
            "not finite" => new NonFiniteException("reward", 1),
            "disk" => new IOException("No space left on device"),
            _ => new InvalidOperationException("a mistake"),
        };
        var stopped = Interrupted(new Stopper { AtStep = 1 }, cause);
        Assert.That(stopped.Cause, Is.SameAs(cause));
        Assert.That(File.Exists(Path.Combine(stopped.Weights, Weights)));
    }

    [Test]
    public void After_the_last_step_the_weights_and_the_summary_are_there_whatever_fails()
    {
        var stopped = Interrupted(new Stopper { AtEvaluation = "aligned" }, new InvalidOperationException("a mistake"));
        using (Assert.EnterMultipleScope())
        {
            Assert.That(stopped.Steps, Is.EqualTo(3));
            Assert.That(stopped.Weights, Is.EqualTo(folder.Of("run/model")));
            Assert.That(File.Exists(folder.Of("run/summary.json")));
        }
        using var whole = SD3Pipeline.Load(stopped.Weights);
    }

    [Test]
    public void A_wish_to_stop_that_comes_with_the_last_step_finds_the_result_stored()
    {
        var stopped = Interrupted(new Stopper { AtStep = 3 }, new OperationCanceledException());
        Assert.That(stopped.Weights, Is.EqualTo(folder.Of("run/model")));
        Assert.That(File.Exists(Path.Combine(stopped.Weights, Weights)));
    }

    [Test]
    public void A_failure_in_an_evaluation_on_the_way_stores_the_average_and_not_the_raw_weights()
    {
        // The same two steps, once stopped between two steps and once within an evaluation of the average.
        var between = Bytes(Interrupted(new Stopper { AtStep = 2 }, new OperationCanceledException(), "between"));
        var within = Bytes(
            Interrupted(
                new Stopper { AtEvaluation = "step 2" },
                new NonFiniteException("velocity", 0),
                "within",
                ("evaluation_interval", "2")
            )
        );
        var raw = Bytes(
            Interrupted(new Stopper { AtStep = 2 }, new OperationCanceledException(), "raw", ("use_ema", "false"))
        );
        Assert.That(within, Is.EqualTo(between));
        Assert.That(raw, Is.Not.EqualTo(between));
    }

    [Test]
    public void A_run_that_is_stopped_before_its_first_step_leaves_nothing()
    {
        var run = new AlignmentRun(
            Config("run"),
            new Stopper { AtEvaluation = "base", Cause = new OperationCanceledException() }
        );
        Assert.That(() => run.Execute(), Throws.InstanceOf<OperationCanceledException>());
        Assert.That(Directory.Exists(folder.Of("run")), Is.False);
    }

    [Test]
    public void Parts_that_were_not_trained_are_stored_byte_for_byte_in_whatever_type_they_were_used()
    {
        new AlignmentRun(
            Config("run", ("reward_dtype", "bfloat16"), ("compute_dtype", "bfloat16"), ("checkpointing_steps", "1")),
            new Stopper()
        ).Execute();
        foreach (var saved in new[] { "run/model", "run/checkpoints/step-000001", "run/checkpoints/step-000002" })
        {
            foreach (var file in Directory.GetFiles(EmbeddedAssets.Model, "*", SearchOption.AllDirectories))
            {
                var name = Path.GetRelativePath(EmbeddedAssets.Model, file);
                if (!name.StartsWith("transformer", StringComparison.Ordinal))
                {
                    Assert.That(
                        File.ReadAllBytes(folder.Of($"{saved}/{name}")),
                        Is.EqualTo(File.ReadAllBytes(file)),
                        name
                    );
                }
            }
        }
    }

    [Test]
    public void Saving_an_adapted_model_twice_gives_the_same_bytes_and_leaves_the_model_as_it_is()
    {
        var options = new ComputeOptions
        {
            Lora = new() { Rank = 2, Alpha = 2 },
            LoraSeed = 3,
        };
        using var scope = torch.NewDisposeScope();
        using var model = new TextToImage(EmbeddedAssets.Model, guidance: 1, options: options);
        using (torch.no_grad())
        {
            foreach (var layer in model.Adapter!.Layers)
            {
                layer.B_OR.fill_(0.01);
            }
        }
        var before = Velocity(model);
        model.Save(folder.Of("one"));
        model.Save(folder.Of("two"));
        Assert.That(Velocity(model), Is.EqualTo(before));
        foreach (var file in Directory.GetFiles(folder.Of("one"), "*", SearchOption.AllDirectories))
        {
            var name = Path.GetRelativePath(folder.Of("one"), file);
            Assert.That(File.ReadAllBytes(folder.Of($"two/{name}")), Is.EqualTo(File.ReadAllBytes(file)), name);
        }
        using var merged = new TextToImage(folder.Of("one"), guidance: 1);
        Assert.That(Velocity(merged), Is.EqualTo(before).Within(1e-5), "what is stored has the change");
        using var original = new TextToImage(EmbeddedAssets.Model, guidance: 1);
        Assert.That(Velocity(original), Is.Not.EqualTo(before).Within(1e-3));
    }

    private static double[] Velocity(TextToImage model)
    {
        using var conditioning = model.Encode(["a photo of a red circle"]);
        var x_B = Noise.Of(model.LatentShape, 1, seed: 5, step: 0);
        return TransformerWorld.Numbers(model.Field.Evaluate(x_B, torch.tensor(new[] { 0.5f }), conditioning));
    }

    private InterruptedRunException Interrupted(
        Stopper stopper,
        Exception cause,
        string name = "run",
        params (string Name, string Value)[] given
    )
    {
        stopper.Cause = cause;
        var run = new AlignmentRun(Config(name, given), stopper);
        return Assert.Throws<InterruptedRunException>(() => run.Execute());
    }

    private static byte[] Bytes(InterruptedRunException stopped) =>
        File.ReadAllBytes(Path.Combine(stopped.Weights, Weights));

    private AlignmentConfig Config(string name, params (string Name, string Value)[] given) =>
        AlignmentConfig.Resolve([
            new("method", "flowbp-sparse"),
            new("num_active_steps", "1"),
            new("rollout_steps", "2"),
            new("sampling_steps", "1"),
            new("train_batch_size", "2"),
            new("max_train_steps", "3"),
            new("learning_rate", "1e-2"),
            new("lr_warmup_steps", "0"),
            new("eval_prompts_limit", "1"),
            new("eval_images_per_prompt", "1"),
            new("device", "cpu"),
            new("output_dir", folder.Of(name)),
            .. given.Select(pair => KeyValuePair.Create(pair.Name, pair.Value)),
        ]);

    // Throws where a run reports.
    private sealed class Stopper : IAlignmentObserver
    {
        public int AtStep { get; init; }

        public string? AtEvaluation { get; init; }

        public Exception? Cause { get; set; }

        public void Stage(string name) { }

        public void Step(StepReport report, int steps)
        {
            if (report.Step == AtStep)
            {
                throw Cause!;
            }
        }

        public void Evaluated(string label, EvaluationResult result)
        {
            if (label == AtEvaluation)
            {
                throw Cause!;
            }
        }

        public void Notice(string text) { }
    }
}
