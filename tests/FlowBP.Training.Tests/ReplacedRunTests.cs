using FlowBP.Formats;
using FlowBP.Training.Runs;

namespace FlowBP.Training.Tests;

/// <summary>What becomes of a run that another one replaces, however either ends.</summary>
public class ReplacedRunTests : RunFolderTests
{
    [Test]
    public void An_earlier_run_gives_way_to_a_recorded_step_and_goes_when_weights_are_stored()
    {
        var stale = EarlierRun("run");
        using var output = new OutputFolder(Folder.Of("run"), overwrite: true);
        Assert.That(File.Exists(stale), Is.True, "nothing is recorded yet");
        output.Records.WriteMetrics(Report(1));
        Assert.That(Lines("run.replaced/metrics.jsonl"), Is.EqualTo(2), "nothing is stored yet");
        Assert.That(Lines("run/metrics.jsonl"), Is.EqualTo(1));
        StoreWeights(output);
        using (Assert.EnterMultipleScope())
        {
            Assert.That(File.Exists(stale), Is.False);
            Assert.That(output.Root, Is.EqualTo(Folder.Of("run")));
            Assert.That(Lines("run/metrics.jsonl"), Is.EqualTo(1));
            Assert.That(Directory.GetFileSystemEntries(Folder.Of(".")), Has.Length.EqualTo(1), "nothing beside it");
        }
    }

    [Test]
    public void A_run_that_fails_before_its_first_step_leaves_the_earlier_one_as_it_was()
    {
        var kept = EarlierRun("run");
        using (var output = new OutputFolder(Folder.Of("run"), overwrite: true))
        {
            File.WriteAllText(output.Sample(0), "a picture");
        }
        using (Assert.EnterMultipleScope())
        {
            Assert.That(File.Exists(kept), Is.True);
            Assert.That(Lines("run/metrics.jsonl"), Is.EqualTo(2));
            Assert.That(Directory.GetFileSystemEntries(Folder.Of(".")), Has.Length.EqualTo(1));
        }
    }

    [TestCase("thesis.txt")]
    [TestCase("samples/favourite.png")]
    [TestCase("mine/deep/down.bin")]
    public void Overwriting_never_removes_a_file_that_no_run_has_written(string name)
    {
        EarlierRun("run");
        Folder.Write($"run/{name}", "mine");
        List<string> notices = [];
        using var output = new OutputFolder(Folder.Of("run"), overwrite: true, notices.Add);
        output.Records.WriteMetrics(Report(1));
        StoreWeights(output);
        Assert.That(File.ReadAllText(Folder.Of($"run.replaced/{name}")), Is.EqualTo("mine"));
        Assert.That(notices, Has.One.Contains("run.replaced"));
        Assert.That(
            Directory.GetFiles(Folder.Of("run.replaced"), "*", SearchOption.AllDirectories),
            Has.Length.EqualTo(1)
        );
    }

    [TestCase("thesis.txt")]
    [TestCase("config.yaml")]
    [TestCase("metrics.jsonl")]
    public void A_folder_that_no_run_has_made_is_never_replaced(string name)
    {
        var file = Folder.Write($"home/{name}", "chapter one");
        Assert.That(
            () => new OutputFolder(Folder.Of("home"), overwrite: true),
            Throws.InstanceOf<IOException>().With.Message.Contains("not written by a run")
        );
        Assert.That(File.ReadAllText(file), Is.EqualTo("chapter one"));
    }

    [Test]
    public void What_a_killed_run_left_before_its_first_step_is_as_good_as_nothing()
    {
        Folder.Write("run/.flowbp-run", "# a comment\nconfig.yaml\nmetrics.jsonl\n");
        Folder.Write("run/config.yaml", "method: refl");
        Folder.Write("run/metrics.jsonl", "");
        Folder.Write($"run/reserved.7.{Guid.NewGuid():N}.tmp", "");
        using var output = new OutputFolder(Folder.Of("run"), overwrite: false);
        Assert.That(File.Exists(Folder.Of("run/config.yaml")), Is.False);
        Assert.That(Directory.GetFiles(output.Root), Has.Length.EqualTo(2), "the new manifest and the new log");
    }

    [Test]
    public void A_replacement_that_was_killed_halfway_is_completed_by_the_next()
    {
        EarlierRun("run");
        Folder.Write("run/model/transformer/weights.safetensors", "");
        File.AppendAllText(Folder.Of("run/.flowbp-run"), "model/transformer/weights.safetensors\n");
        EarlierRun("run.unfinished");
        EarlierRun("run.replaced");
        using var output = new OutputFolder(Folder.Of("run"), overwrite: true);
        output.Records.WriteMetrics(Report(1));
        StoreWeights(output);
        Assert.That(Directory.GetFileSystemEntries(Folder.Of(".")), Is.EqualTo(new[] { Folder.Of("./run") }));
    }

    [Test]
    public void A_killed_run_without_weights_gives_the_place_back_to_the_one_it_was_to_replace()
    {
        EarlierRun("run");
        EarlierRun("run.replaced");
        Folder.Write("run.replaced/mine.txt", "the earlier one");
        Assert.That(
            () => new OutputFolder(Folder.Of("run"), overwrite: false),
            Throws.InstanceOf<IOException>().With.Message.Contains("--overwrite true")
        );
        Assert.That(File.ReadAllText(Folder.Of("run/mine.txt")), Is.EqualTo("the earlier one"));
        Assert.That(Directory.Exists(Folder.Of("run.replaced")), Is.False);
    }

    [TestCase("run.unfinished")]
    [TestCase("run.replaced")]
    [TestCase("run.replaced-2")]
    [TestCase("run.replaced-17")]
    public void A_complete_run_comes_back_from_wherever_a_killed_one_has_left_it(string place)
    {
        if (place.StartsWith("run.replaced-", StringComparison.Ordinal))
        {
            Folder.Write("run.replaced/thesis.txt", "mine");
        }
        EarlierRun("run");
        CompleteRun(place);
        Folder.Write($"{place}/mine.txt", "the complete one");
        List<string> notices = [];
        Assert.That(
            () => new OutputFolder(Folder.Of("run"), overwrite: false, notices.Add),
            Throws.InstanceOf<IOException>().With.Message.Contains("--overwrite true")
        );
        using (Assert.EnterMultipleScope())
        {
            Assert.That(File.ReadAllText(Folder.Of("run/mine.txt")), Is.EqualTo("the complete one"));
            Assert.That(File.Exists(Folder.Of("run/model/weights.safetensors")));
            Assert.That(Directory.Exists(Folder.Of(place)), Is.False);
            Assert.That(notices, Has.One.Contains("again"));
            Assert.That(
                File.Exists(Folder.Of("run.replaced/thesis.txt")),
                Is.EqualTo(place.StartsWith("run.replaced-", StringComparison.Ordinal))
            );
        }
    }

    [TestCase("run.replaced")]
    [TestCase("run.replaced-3")]
    public void A_replaced_run_goes_once_the_one_in_its_place_has_weights_and_what_is_not_its_own_is_named(string place)
    {
        CompleteRun("run");
        CompleteRun(place);
        Folder.Write($"{place}/mine.txt", "mine");
        List<string> notices = [];
        Assert.That(
            () => new OutputFolder(Folder.Of("run"), overwrite: false, notices.Add),
            Throws.InstanceOf<IOException>()
        );
        var left = Folder.Of(place);
        using (Assert.EnterMultipleScope())
        {
            Assert.That(Directory.GetFiles(left), Is.EqualTo(new[] { Path.Combine(left, "mine.txt") }));
            Assert.That(notices, Has.One.Contains(left));
            Assert.That(File.Exists(Folder.Of("run/model/weights.safetensors")));
        }
    }

    [Test]
    public void Of_several_replaced_runs_the_one_with_weights_comes_back_and_no_other_replaces_it()
    {
        EarlierRun("run.replaced-3");
        CompleteRun("run.replaced");
        Folder.Write("run.replaced/mine.txt", "the complete one");
        Assert.That(() => new OutputFolder(Folder.Of("run"), overwrite: false), Throws.InstanceOf<IOException>());
        Assert.That(File.ReadAllText(Folder.Of("run/mine.txt")), Is.EqualTo("the complete one"));
        Assert.That(Directory.GetFileSystemEntries(Folder.Of(".")), Has.Length.EqualTo(1));
    }

    [Test]
    public void Of_several_replaced_runs_without_weights_none_is_deleted()
    {
        EarlierRun("run.replaced");
        EarlierRun("run.replaced-2");
        List<string> notices = [];
        Assert.That(
            () => new OutputFolder(Folder.Of("run"), overwrite: false, notices.Add),
            Throws.InstanceOf<IOException>()
        );
        Assert.That(Lines("run/metrics.jsonl") + Lines("run.replaced/metrics.jsonl"), Is.EqualTo(4));
        Assert.That(notices, Has.One.Contains("run.replaced"));
    }

    [TestCase("run.replacement")]
    [TestCase("run.replaced-by")]
    [TestCase("run.replaced.old")]
    public void A_run_of_another_name_is_left_alone(string name)
    {
        CompleteRun("run");
        CompleteRun(name);
        Assert.That(() => new OutputFolder(Folder.Of("run"), overwrite: false), Throws.InstanceOf<IOException>());
        Assert.That(File.Exists(Folder.Of($"{name}/model/weights.safetensors")));
    }

    [Test]
    public void Of_two_complete_runs_that_a_killed_exchange_left_neither_is_deleted()
    {
        CompleteRun("run");
        CompleteRun("run.unfinished");
        List<string> notices = [];
        Assert.That(
            () => new OutputFolder(Folder.Of("run"), overwrite: false, notices.Add),
            Throws.InstanceOf<IOException>()
        );
        Assert.That(File.Exists(Folder.Of("run/model/weights.safetensors")));
        Assert.That(File.Exists(Folder.Of("run.kept/model/weights.safetensors")));
        Assert.That(notices, Has.One.Contains("run.kept"));
    }

    [Test]
    public void Weights_of_a_run_that_was_killed_before_it_recorded_a_step_are_never_deleted([Values] bool replaces)
    {
        if (replaces)
        {
            CompleteRun("run");
        }
        StoredWithoutStep(replaces ? "run.unfinished" : "run");
        List<string> notices = [];
        if (replaces)
        {
            using var output = new OutputFolder(Folder.Of("run"), overwrite: true, notices.Add);
            Assert.That(File.Exists(Folder.Of("run.kept/model/weights.safetensors")));
            Assert.That(notices, Has.One.Contains("run.kept"));
        }
        else
        {
            Assert.That(
                () => new OutputFolder(Folder.Of("run"), overwrite: false),
                Throws.InstanceOf<IOException>().With.Message.Contains("--overwrite true")
            );
            Assert.That(File.Exists(Folder.Of("run/model/weights.safetensors")));
        }
    }

    [Test]
    public void A_run_that_stored_weights_but_could_record_no_step_keeps_them([Values] bool replaces)
    {
        if (replaces)
        {
            CompleteRun("run");
        }
        string stored;
        using (var output = new OutputFolder(Folder.Of("run"), overwrite: true))
        {
            StoreWeights(output);
            stored = Path.Combine(output.Model, "weights.safetensors");
        }
        Assert.That(File.Exists(stored));
        Assert.That(!replaces || File.Exists(Folder.Of("run/metrics.jsonl")));
    }

    [Test]
    public void Half_of_the_weights_in_several_files_are_no_weights([Values] bool complete)
    {
        EarlierRun("run");
        var shard = "model/transformer/diffusion_pytorch_model-00001-of-00002.safetensors";
        Folder.Write($"run/{shard}", "");
        File.AppendAllText(Folder.Of("run/.flowbp-run"), shard + "\n");
        if (complete)
        {
            Folder.Write("run/model/transformer/diffusion_pytorch_model.safetensors.index.json", "{}");
        }
        CompleteRun("run.replaced");
        Assert.That(() => new OutputFolder(Folder.Of("run"), overwrite: false), Throws.InstanceOf<IOException>());
        Assert.That(File.Exists(Folder.Of("run/model/weights.safetensors")), Is.EqualTo(!complete));
        Assert.That(File.Exists(Folder.Of($"run/{shard}")), Is.EqualTo(complete));
    }

    [Test]
    public void A_process_that_is_killed_while_parts_are_copied_leaves_no_file_that_no_run_wrote()
    {
        var names = new[] { "vae/config.json", "scheduler/scheduler_config.json", "text_encoder/model.safetensors" };
        using (var output = new OutputFolder(Folder.Of("killed"), overwrite: false))
        {
            output.Records.WriteMetrics(Report(1));
            // Killed in the middle: nothing after the last of them is run.
            using var listed = output.Listed();
            foreach (var name in names)
            {
                AtomicFile.WriteText(Path.Combine(output.Model, name), "");
            }
        }
        List<string> notices = [];
        using var next = new OutputFolder(Folder.Of("killed"), overwrite: true, notices.Add);
        next.Records.WriteMetrics(Report(1));
        StoreWeights(next);
        Assert.That(notices, Is.Empty);
        Assert.That(Directory.GetFileSystemEntries(Folder.Of(".")), Has.Length.EqualTo(1));
    }
}
