using FlowBP.Formats;
using FlowBP.Training.Checkpoints;
using FlowBP.Training.Devices;
using FlowBP.Training.Pipelines;
using FlowBP.Training.Runs;

namespace FlowBP.Training.Tests.Checkpoints;

/// <summary>A run that goes on gives what an uninterrupted one gives, to the bit; and nothing goes on from anything else.</summary>
public sealed class ResumedRunTests : ResumableRunTests
{
    private const string Transformer = "transformer/diffusion_pytorch_model.safetensors";

    [TestCase("use_ema=true")]
    [TestCase("use_ema=false")]
    [TestCase("lora_rank=2")]
    [TestCase("compute_dtype=bfloat16")]
    [TestCase("lora_rank=2 compute_dtype=bfloat16 use_ema=false")]
    [TestCase("gradient_accumulation_steps=2")]
    [TestCase("flow_matching_weight=0.5 flow_matching_data=embedded")]
    [TestCase("on_hacking=rollback hacking_interval=1")]
    [TestCase("anchor_weight=0.1 lr_scheduler=constant_with_warmup")]
    public void A_killed_run_goes_on_to_the_bit(string settings)
    {
        var given = Given(settings);
        // What a run that is killed in its fourth step leaves: records that are ahead of its newest checkpoint.
        var watcher = new Watcher
        {
            AtStep = step =>
            {
                if (step == 3)
                {
                    Copy("whole", "killed");
                }
            },
        };
        Run(Config("whole", given), watcher);
        Assert.That(Directory.Exists(Folder.Of("killed/checkpoints/checkpoint-3")), Is.False);
        Assert.That(Directory.Exists(Folder.Of("killed/checkpoints/checkpoint-1")));

        var resumed = new Watcher();
        Run(Config("killed", [.. given, ("resume_from_checkpoint", "latest")]), resumed);

        AssertSame(resumed.Drawn, watcher.Drawn);
        var whole = Left("whole");
        Assert.That(
            whole.Keys,
            Does.Contain("checkpoints/checkpoint-3/training_state/rank-00001-of-00001.safetensors")
        );
        Assert.That(whole.Keys, Has.Some.StartWith("model/transformer"));
        AssertSame("killed", whole);
        var manifest = CheckpointManifest.Read(Folder.Of("killed/checkpoints/checkpoint-3"));
        Assert.That(manifest.Counters.OptimizerSteps, Is.EqualTo(3), "every step moves something");
    }

    [TestCase(2, "use_ema=true")]
    [TestCase(2, "lora_rank=2 checkpointing_steps=3")]
    [TestCase(4, "lora_rank=2 on_hacking=warn hacking_interval=2")]
    public void A_run_that_is_asked_to_make_way_goes_on_to_the_bit(int at, string settings)
    {
        var given = Given(settings);
        Run(Config("whole", given));
        Watcher? asked = null;
        asked = new Watcher
        {
            AtStep = step =>
            {
                if (step == at)
                {
                    asked!.Ask();
                    asked.Stop.Token.ThrowIfCancellationRequested();
                }
            },
        };
        var suspended = Assert.Throws<SuspendedRunException>(() => Run(Config("asked", given), asked))!;
        using (Assert.EnterMultipleScope())
        {
            Assert.That(suspended.Steps, Is.EqualTo(at));
            Assert.That(suspended.Checkpoint, Is.EqualTo(Folder.Of($"asked/checkpoints/checkpoint-{at}")));
            Assert.That(Directory.GetDirectories(Folder.Of("asked/checkpoints"), "*-stopped"), Is.Empty);
        }
        StoredCheckpoint.Open(suspended.Checkpoint!).Dispose();

        Run(Config("asked", [.. given, ("resume_from_checkpoint", suspended.Checkpoint!)]));

        var whole = Left("whole");
        if (at == 4)
        {
            // Nothing came after it that it would make way for.
            Directory.Delete(suspended.Checkpoint!, recursive: true);
        }
        AssertSame("asked", whole);
    }

    [Test]
    public void A_wish_before_the_first_step_leaves_nothing()
    {
        Watcher? asked = null;
        asked = new Watcher { AtStage = stage => Ask(stage) };
        var suspended = Assert.Throws<SuspendedRunException>(() => Run(Config("run"), asked))!;
        Assert.That((suspended.Steps, suspended.Checkpoint), Is.EqualTo((0, (string?)null)));
        Assert.That(Directory.Exists(Folder.Of("run")), Is.False);

        void Ask(string stage)
        {
            if (stage == "evaluating the base model")
            {
                asked!.Ask();
            }
        }
    }

    [Test]
    public void A_damaged_checkpoint_is_passed_over_by_name_and_its_step_made_again()
    {
        Run(Config("run", ("lora_rank", "2")));
        var whole = Left("run");
        var shard = Folder.Of("run/checkpoints/checkpoint-3/training_state/rank-00001-of-00001.safetensors");
        FlipBit(shard, -1);
        var notices = Run(Config("run", ("lora_rank", "2"), ("resume_from_checkpoint", "latest")));
        using (Assert.EnterMultipleScope())
        {
            Assert.That(notices, Has.Some.StartWith("checkpoint-3 is passed over").And.Some.Contains("is damaged"));
            Assert.That(notices, Has.Some.StartWith("the run goes on after step 2"));
        }
        AssertSame("run", whole);
    }

    [Test]
    public void With_a_constant_rate_a_run_goes_on_to_more_steps()
    {
        (string, string)[] given = [("lora_rank", "2"), ("lr_scheduler", "constant_with_warmup")];
        Run(Config("long", given));
        Run(Config("short", [.. given, ("max_train_steps", "3")]));
        Run(Config("short", [.. given, ("resume_from_checkpoint", "latest")]));
        AssertSame("short", Left("long"));
    }

    [Test]
    public void Without_any_checkpoint_latest_begins_anew()
    {
        var notices = Run(Config("run", ("max_train_steps", "1"), ("resume_from_checkpoint", "latest")));
        Assert.That(notices, Has.Some.Contains("has no checkpoint"));
        Assert.That(File.Exists(Folder.Of($"run/model/{Transformer}")));
    }

    [Test]
    public void Nothing_goes_on_from_another_run()
    {
        Run(Config("run", ("lora_rank", "2"), ("max_train_steps", "2")));
        var other = Folder.Write("other.txt", "a photo of a purple star\n");
        (string Name, string Value, string[] Said)[] cases =
        [
            ("method", "draft-lv", ["method flowbp-sparse", "has draft-lv"]),
            ("num_active_steps", "2", ["num_active_steps 1", "has 2"]),
            ("lora_rank", "3", ["lora_rank 2", "has 3"]),
            ("lora_rank", "", ["lora_rank 2", "has none"]),
            ("compute_dtype", "bfloat16", ["compute_dtype", "float32"]),
            ("learning_rate", "1e-3", ["learning_rate", "0.01"]),
            ("max_train_steps", "3", ["max_train_steps", "cosine"]),
            ("seed", "7", ["seed", "42"]),
            ("model", Folder.Of("run/model"), ["content of model"]),
            ("prompts", other, ["content of prompts"]),
            ("resume_from_checkpoint", Folder.Of("run/model"), ["no checkpoint of output_dir"]),
            ("resume_from_checkpoint", "checkpoint-7", ["no such checkpoint"]),
        ];
        var before = Left("run");
        foreach (var (name, value, said) in cases)
        {
            (string Name, string Value)[] same =
            [
                ("lora_rank", "2"),
                ("max_train_steps", "2"),
                ("resume_from_checkpoint", "latest"),
                ("num_active_steps", name == "method" ? "" : "1"),
            ];
            var config = Config("run", [.. same.Where(usual => usual.Name != name), (name, value)]);
            var problem = Assert.Throws<CheckpointException>(() => Run(config), name)!;
            foreach (var word in said)
            {
                Assert.That(problem.Message, Does.Contain(word), name);
            }
        }
        AssertSame("run", before);
    }

    [Test]
    public void What_decides_no_number_may_differ_and_what_decides_last_bits_is_said()
    {
        Run(Config("run", ("lora_rank", "2"), ("max_train_steps", "2")));
        var whole = Left("run");
        var notices = Run(
            Config(
                "run",
                ("lora_rank", "2"),
                ("max_train_steps", "2"),
                ("sample_interval", "3"),
                ("checkpoints_total_limit", "5"),
                ("vjp_batch_size", "1"),
                ("resume_from_checkpoint", "checkpoint-1")
            )
        );
        Assert.That(notices, Has.Some.Contains("vjp_batch_size").And.Some.Contains("last bits"));
        Assert.That(Left("run").Keys, Is.EquivalentTo(whole.Keys));
    }

    [Test]
    public void Checkpoints_beyond_the_limit_go_but_not_the_best_and_models_stay_loadable()
    {
        // Far too large a rate: the first step is the best, whoever judges.
        Run(
            Config(
                "run",
                ("lora_rank", "2"),
                ("learning_rate", "0.3"),
                ("max_train_steps", "6"),
                ("evaluation_interval", "1"),
                ("checkpoints_total_limit", "2")
            )
        );
        var scores = File.ReadLines(Folder.Of("run/evaluations.jsonl"))
            .Select(line => System.Text.Json.JsonDocument.Parse(line).RootElement)
            .Select(line =>
                (Step: line.GetProperty("step").GetInt32(), Score: line.GetProperty("heldout_reward").GetDouble())
            )
            .ToArray();
        // The evaluation of the last checkpoint comes after the others have gone.
        var best = scores.Where(each => each.Step < 5).MaxBy(each => each.Score).Step;
        Assert.That(
            new CheckpointFolders(Folder.Of("run/checkpoints")).Steps(),
            Is.EqualTo(best == 4 ? new[] { 4, 5 } : [best, 5])
        );
        using var model = Config("next", ("lora_weights", Folder.Of("run/checkpoints/checkpoint-5")))
            .Model.Open(ComputeDevice.Cpu, ["a photo of a red circle"]);
        Assert.That(model.Adapter, Is.Not.Null);
    }

    [TestCase("use_ema=true", "model")]
    [TestCase("lora_rank=2", "adapter")]
    public void The_weights_of_a_checkpoint_are_exported_without_the_state(string settings, string kind)
    {
        Run(Config("run", [.. Given(settings), ("max_train_steps", "2")]));
        var checkpoint = Folder.Of("run/checkpoints/checkpoint-1");
        var export = new ExportRun(checkpoint, new() { OutputDir = Folder.Of("out") });
        Assert.That(export.Execute(), Is.EqualTo(kind));
        var weights = Left("run")
            .Where(pair => pair.Key.StartsWith("checkpoints/checkpoint-1/", StringComparison.Ordinal))
            .Select(pair => KeyValuePair.Create(pair.Key["checkpoints/checkpoint-1/".Length..], pair.Value))
            .Where(pair => !pair.Key.StartsWith("training_state", StringComparison.Ordinal));
        Assert.That(Left("out"), Is.EquivalentTo(weights));
        Assert.That(() => export.Execute(), Throws.InstanceOf<IOException>().With.Message.Contains("exists"));
        FlipBit(Path.Combine(checkpoint, new ShardPlace(1, 0, 1).FileName), -1);
        Assert.That(
            () => new ExportRun(checkpoint, new() { OutputDir = Folder.Of("none") }).Execute(),
            Throws.InstanceOf<CheckpointException>()
        );
        Assert.That(Directory.Exists(Folder.Of("none")), Is.False);
    }

    [Test]
    public void A_checkpoint_that_can_not_be_saved_stops_nothing_and_is_reported()
    {
        var watcher = new Watcher
        {
            AtStage = stage =>
            {
                if (stage == "training")
                {
                    Folder.Write("run/checkpoints", "in the way");
                }
            },
        };
        var notices = Run(Config("run", ("lora_rank", "2")), watcher);
        using (Assert.EnterMultipleScope())
        {
            Assert.That(
                notices.Count(text => text.StartsWith("no checkpoint after step", StringComparison.Ordinal)),
                Is.EqualTo(3)
            );
            Assert.That(File.Exists(Folder.Of($"run/model/{Transformer}")));
        }
    }

    private void AssertSame(string run, Dictionary<string, string> expected)
    {
        var found = Left(run);
        using (Assert.EnterMultipleScope())
        {
            Assert.That(found.Keys, Is.EquivalentTo(expected.Keys));
            foreach (var (name, content) in expected)
            {
                Assert.That(found.GetValueOrDefault(name), Is.EqualTo(content), name);
            }
        }
    }

    private static void AssertSame(TrainingCurve? found, TrainingCurve? expected)
    {
        using (Assert.EnterMultipleScope())
        {
            Assert.That(found!.Rewards, Is.EqualTo(expected!.Rewards).And.Count.EqualTo(4));
            Assert.That(
                found.Judged.Select(judged => judged.Metric),
                Is.EqualTo(expected.Judged.Select(judged => judged.Metric))
            );
            Assert.That(
                found.Judged.Select(judged => judged.Points),
                Is.EqualTo(expected.Judged.Select(judged => judged.Points))
            );
        }
    }

    private static void FlipBit(string file, int at)
    {
        var bytes = File.ReadAllBytes(file);
        bytes[at < 0 ? bytes.Length + at : at] ^= 1;
        File.WriteAllBytes(file, bytes);
    }

    private static (string, string)[] Given(string settings) =>
        [.. settings.Split(' ').Select(pair => pair.Split('=')).Select(pair => (pair[0], pair[1]))];
}
