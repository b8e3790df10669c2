// A run that ends early, at every kind of place: what was trained is on the disk, complete, and the exception says where.

using FlowBP.Families;
using FlowBP.Surrogates;
using FlowBP.Training.Alignment;
using FlowBP.Training.Configuration;
using FlowBP.Training.Devices;
using FlowBP.Training.Evaluation;
using FlowBP.Training.Pipelines;
using FlowBP.Training.Rewards;
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
        using var whole = StoredModel.Load(stopped.Weights);
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
        using var whole = StoredModel.Load(stopped.Weights);
    }

    [TestCase("stop")]
    [TestCase("disk")]
    [TestCase("surprise")]
    public void What_ends_a_run_with_its_last_step_finds_the_result_whole(string kind)
    {
        Exception cause = kind switch
        {
            "stop" => new OperationCanceledException(),
            "disk" => new IOException("No space left on device"),
            _ => new InvalidOperationException("a mistake"),
        };
        var stopped = Interrupted(new Stopper { AtStep = 3 }, cause);
        Assert.That(stopped.Cause, Is.SameAs(cause));
        AssertWholeResult(stopped, steps: 3);
    }

    [Test]
    public void A_wish_to_stop_during_the_last_step_finds_the_result_whole()
    {
        using var stop = new CancellationTokenSource();
        var run = new AlignmentRun(
            Config("run"),
            new Stopper
            {
                Watch = step =>
                {
                    if (step == 3)
                    {
                        stop.Cancel();
                    }
                },
            }
        );
        var stopped = Assert.Throws<InterruptedRunException>(() => run.Execute(stop.Token));
        Assert.That(stopped.Cause, Is.InstanceOf<OperationCanceledException>());
        AssertWholeResult(stopped, steps: 3);
    }

    [Test]
    public void A_failure_where_a_phase_is_announced_names_the_weights_too()
    {
        var cause = new IOException("No space left on device");
        var stopped = Interrupted(new Stopper { AtStage = "evaluating the aligned model" }, cause);
        Assert.That(stopped.Cause, Is.SameAs(cause));
        AssertWholeResult(stopped, steps: 3);
    }

    [Test]
    public void The_result_of_a_run_of_one_step_is_named_where_it_is_after_it_took_its_place()
    {
        new AlignmentRun(Config("run", ("max_train_steps", "1")), new Stopper()).Execute();
        var stopped = Interrupted(
            new Stopper { AtStep = 1 },
            new OperationCanceledException(),
            "run",
            ("max_train_steps", "1"),
            ("overwrite", "true")
        );
        AssertWholeResult(stopped, steps: 1);
        Assert.That(Directory.GetFileSystemEntries(folder.Of(".")), Has.Length.EqualTo(1));
    }

    [Test]
    public void An_adapter_that_can_not_be_merged_is_named_where_it_is_stored()
    {
        // A file lies where the merged model's folder would be.
        var stopper = new Stopper { Watch = _ => File.WriteAllText(folder.Of("run/model"), "in the way") };
        var run = new AlignmentRun(Config("run", ("lora_rank", "2")), stopper);
        var stopped = Assert.Throws<InterruptedRunException>(() => run.Execute());
        using (Assert.EnterMultipleScope())
        {
            Assert.That(stopped.Steps, Is.EqualTo(3));
            Assert.That(stopped.Weights, Is.EqualTo(folder.Of("run/lora")));
            Assert.That(File.Exists(folder.Of("run/lora/pytorch_lora_weights.safetensors")));
            Assert.That(File.Exists(folder.Of("run/summary.json")));
            Assert.That(stopped.Cause.Message, Does.Not.Contain("could not be stored"));
        }
    }

    [Test]
    public void What_is_not_finite_in_an_evaluation_on_the_way_stops_no_training()
    {
        var config = Config("run", ("evaluation_interval", "1"), ("sample_interval", "1"));
        List<string> notices = [];
        var observer = new Stopper { Heard = notices.Add };
        string[] prompts = ["a photo of a red circle", "a photo of a blue square"];
        using var device = ComputeDevice.Open("cpu", null);
        using var model = config.Model.Open(device, prompts, null, config.Training);
        using var reward = RewardFolder.Load(config.Judges.RewardFolder);
        // Asked at the first drawing, the first evaluation and so on: the evaluation after step 1 is the second time.
        var heldOut = new NotFiniteOnce(atCall: 2);
        var evaluator = new ImageEvaluator(prompts, PictureJudges.Of(prompts, reward, heldOut), steps: 1, seed: 1);
        using var output = new OutputFolder(config.OutputDir, overwrite: false);
        using var trainer = new AlignmentTrainer(config, model, reward, prompts);
        var weights = new TrainedWeights(model, trainer, output, observer.Notice);
        var pictures = new SamplePictures("test");
        var loop = new TrainingLoop(
            new(config, observer, model, trainer, evaluator, pictures, output, weights, Selection: null, Watch: null)
        );

        var reports = loop.Run(CancellationToken.None);

        using (Assert.EnterMultipleScope())
        {
            Assert.That(reports, Has.Count.EqualTo(3));
            Assert.That((loop.Failure, loop.Result), Is.EqualTo(((Exception?)null, folder.Of("run/model"))));
            Assert.That(notices, Has.Count.EqualTo(1));
            Assert.That(notices[0], Does.Contain("after step 1").And.Contains("moody").And.Contains(prompts[0]));
            Assert.That(observer.Labels, Is.EqualTo(new[] { "step 2" }));
        }
    }

    private void AssertWholeResult(InterruptedRunException stopped, int steps)
    {
        using (Assert.EnterMultipleScope())
        {
            Assert.That(stopped.Steps, Is.EqualTo(steps));
            Assert.That(stopped.Weights, Is.EqualTo(folder.Of("run/model")));
            Assert.That(File.Exists(folder.Of("run/model/model_index.json")));
            Assert.That(File.ReadAllText(folder.Of("run/summary.json")), Does.Contain($"\"steps\": {steps}"));
        }
        using var whole = StoredModel.Load(stopped.Weights);
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
        foreach (var saved in new[] { "run/model", "run/checkpoints/checkpoint-1", "run/checkpoints/checkpoint-2" })
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
        using var scope = torch.NewDisposeScope();
        using var model = new TextToImage(
            ModelFolder.At(EmbeddedAssets.Model, 1) with
            {
                Seed = 3,
            },
            new TrainingSettings { LoraRank = 2, LoraTargetModules = ["to_k", "to_q", "to_v", "to_out.0"] }
        );
        using (torch.no_grad())
        {
            foreach (var layer in model.Adapter!.Layers)
            {
                layer.B_OR.fill_(0.01);
            }
        }
        var before = Velocity(model);
        model.Storage.Save(folder.Of("one"));
        model.Storage.Save(folder.Of("two"));
        Assert.That(Velocity(model), Is.EqualTo(before));
        foreach (var file in Directory.GetFiles(folder.Of("one"), "*", SearchOption.AllDirectories))
        {
            var name = Path.GetRelativePath(folder.Of("one"), file);
            Assert.That(File.ReadAllBytes(folder.Of($"two/{name}")), Is.EqualTo(File.ReadAllBytes(file)), name);
        }
        using var merged = new TextToImage(ModelFolder.At(folder.Of("one"), 1));
        Assert.That(Velocity(merged), Is.EqualTo(before).Within(1e-5), "what is stored has the change");
        using var original = new TextToImage(ModelFolder.At(EmbeddedAssets.Model, 1));
        Assert.That(Velocity(original), Is.Not.EqualTo(before).Within(1e-3));
    }

    private static double[] Velocity(TextToImage model)
    {
        using var conditioning = model.Painter.Encode(["a photo of a red circle"]);
        var x_B = Noise.Of(model.LatentShape, 1, seed: 5, step: 0);
        return TensorValues.Numbers(model.Field.Evaluate(x_B, torch.tensor(new[] { 0.5f }), conditioning));
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
        AlignmentConfig.Resolve(
            new (string Name, string Value)[]
            {
                ("method", "flowbp-sparse"),
                ("num_active_steps", "1"),
                ("rollout_steps", "2"),
                ("sampling_steps", "1"),
                ("train_batch_size", "2"),
                ("max_train_steps", "3"),
                ("learning_rate", "1e-2"),
                ("lr_warmup_steps", "0"),
                ("eval_prompts_limit", "1"),
                ("eval_images_per_prompt", "1"),
                ("device", "cpu"),
                ("output_dir", folder.Of(name)),
            }
                .Where(usual => given.All(other => other.Name != usual.Name))
                .Concat(given)
                .Select(pair => KeyValuePair.Create(pair.Name, pair.Value))
        );

    // Throws where a run reports.
    private sealed class Stopper : IAlignmentObserver
    {
        public int AtStep { get; init; }

        public string? AtEvaluation { get; init; }

        public string? AtStage { get; init; }

        public Action<int>? Watch { get; init; }

        public Action<string>? Heard { get; init; }

        public List<string> Labels { get; } = [];

        public Exception? Cause { get; set; }

        public void Stage(string name)
        {
            if (name == AtStage)
            {
                throw Cause!;
            }
        }

        public void Step(StepReport report, int steps)
        {
            Watch?.Invoke(report.Step);
            if (report.Step == AtStep)
            {
                throw Cause!;
            }
        }

        public void Evaluated(string label, EvaluationResult result)
        {
            Labels.Add(label);
            if (label == AtEvaluation)
            {
                throw Cause!;
            }
        }

        public void Notice(string text) => Heard?.Invoke(text);
    }

    // A sound judge but for one time.
    private sealed class NotFiniteOnce(int atCall) : IImageReward
    {
        private int calls;

        public string Name => "moody";

        public Conditioning Encode(IReadOnlyCollection<string> prompts) => new("none", torch.zeros(prompts.Count));

        public Tensor Score(Tensor image_BCYX, Conditioning conditioning) =>
            ++calls == atCall ? torch.full([image_BCYX.shape[0]], float.NaN) : image_BCYX.mean([1, 2, 3]);

        public void Dispose() { }
    }
}
