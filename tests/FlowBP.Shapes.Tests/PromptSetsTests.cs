using System.Security.Cryptography;
using System.Text;
using FlowBP.RandomStreams;

namespace FlowBP.Shapes.Tests;

public sealed class PromptSetsTests
{
    [Test]
    public void No_held_out_prompt_is_trained_on_in_any_wording()
    {
        var trained = PromptSets.Of(PromptSplit.Training).Select(p => p.Canonical).ToHashSet();
        var heldOut = PromptSets.Of(PromptSplit.HeldOut);
        Assert.That(heldOut.Where(p => trained.Contains(p.Canonical)), Is.Empty);
        Assert.That(heldOut.All(PromptSets.IsHeldOut), Is.True);
        Assert.That(PromptSets.Of(PromptSplit.Training).Any(PromptSets.IsHeldOut), Is.False);
    }

    [Test]
    public void Both_sides_together_are_all_prompts([Values] GenEvalTask task)
    {
        IEnumerable<Prompt> both =
        [
            .. PromptSets.Of(PromptSplit.Training, task),
            .. PromptSets.Of(PromptSplit.HeldOut, task),
        ];
        Assert.That(both, Is.EquivalentTo(PromptSets.Of(PromptSplit.All, task)));
        Assert.That(both.Select(p => p.Task), Is.All.EqualTo(task));
    }

    [TestCase(GenEvalTask.SingleObject, 2)]
    [TestCase(GenEvalTask.TwoObject, 16)]
    [TestCase(GenEvalTask.Counting, 16)]
    [TestCase(GenEvalTask.Colors, 5)]
    [TestCase(GenEvalTask.Position, 234)]
    [TestCase(GenEvalTask.ColorAttr, 36)]
    public void A_fifth_of_the_meanings_is_held_out_and_at_least_two(GenEvalTask task, int meanings)
    {
        var heldOut = PromptSets.Of(PromptSplit.HeldOut, task).DistinctBy(p => p.Canonical).Count();
        Assert.That(heldOut, Is.EqualTo(meanings));
    }

    [Test]
    public void Every_list_uses_every_word([Values] PromptList list)
    {
        Assert.That(
            PromptSets.List(list).SelectMany(p => p.Text.Split(' ')).Distinct(),
            Is.EquivalentTo(Vocabulary.Words)
        );
    }

    [Test]
    public void The_split_never_changes()
    {
        // Published results refer to these prompts: if this fails, the split has moved and old results are void.
        string[] small =
        [
            .. PromptSets
                .Of(PromptSplit.HeldOut)
                .Where(p => p.Task is GenEvalTask.SingleObject or GenEvalTask.Colors)
                .Select(p => p.Text["a photo of a ".Length..]),
        ];
        string[] expected =
        [
            "square",
            "cross",
            "purple triangle",
            "green triangle",
            "yellow triangle",
            "purple circle",
            "blue square",
        ];
        Assert.That(small, Is.EqualTo(expected));
        var all = string.Join('\n', PromptSets.Of(PromptSplit.HeldOut).Concat(PromptSets.Of(PromptSplit.Training)));
        Assert.That(
            Convert.ToHexString(SHA256.HashData(Encoding.UTF8.GetBytes(all)))[..16],
            Is.EqualTo("1A0535707C83EE77")
        );
    }

    [Test]
    public void The_lists_never_change()
    {
        var all = string.Join('\n', Enum.GetValues<PromptList>().SelectMany(PromptSets.List));
        Assert.That(
            Convert.ToHexString(SHA256.HashData(Encoding.UTF8.GetBytes(all)))[..16],
            Is.EqualTo("775C93685D7B306E")
        );
    }

    [Test]
    public void No_two_lists_share_a_prompt_and_no_held_out_list_a_meaning_with_training()
    {
        Prompt[] training = [.. PromptSets.List(PromptList.Training)];
        Prompt[] choice = [.. PromptSets.List(PromptList.Choice)];
        Prompt[] test = [.. PromptSets.List(PromptList.Test)];
        Assert.That(training.Concat(choice).Concat(test), Is.Unique);
        Assert.That(training.Any(PromptSets.IsHeldOut), Is.False);
        Assert.That(choice.Concat(test).All(PromptSets.IsHeldOut), Is.True);
        // Where there are enough meanings, those of choices are none of the final figures'; one colour or two make enough.
        Assert.That(Meanings(choice).Intersect(Meanings(test)), Is.Empty);

        static IEnumerable<Prompt> Meanings(IEnumerable<Prompt> prompts) =>
            prompts.Where(p => p.ColoursNamed > 0 && p.Task != GenEvalTask.Colors).Select(p => p.Canonical);
    }

    [TestCase(PromptList.Training, 12, 62, 68, 24, 240, 144)]
    [TestCase(PromptList.Choice, 6, 30, 27, 15, 30, 30)]
    [TestCase(PromptList.Test, 6, 30, 21, 15, 30, 30)]
    public void Every_task_is_listed(PromptList list, params int[] expected)
    {
        Assert.That(
            GenEvalTasks.All.Select(task => PromptSets.List(list).Count(p => p.Task == task)),
            Is.EqualTo(expected)
        );
    }

    [Test]
    public void A_list_says_every_relation_about_equally_often_and_every_wording([Values] PromptList list)
    {
        var prompts = PromptSets.List(list);
        Prompt[] positions = [.. prompts.Where(p => p.Task == GenEvalTask.Position)];
        foreach (var relation in Relations.All)
        {
            var share = (double)positions.Count(p => p.Relation == relation) / positions.Length;
            Assert.That(share, Is.EqualTo(0.25).Within(0.05), relation.Text());
        }
        foreach (var wording in PromptWording.All)
        {
            var share = (double)positions.Count(p => p.Wording == wording) / positions.Length;
            Assert.That(share, Is.EqualTo(1.0 / 6).Within(0.1), wording.ToString());
        }
    }

    [Test]
    public void Half_of_the_drawn_wordings_and_more_are_GenEval_s()
    {
        var stream = RandomStream.For(2, 0, 0, RandomPurpose.Data);
        const int N = 6000;
        var counts = PromptWording.All.ToDictionary(wording => wording, _ => 0);
        for (var i = 0; i < N; i++)
        {
            counts[PromptWording.Draw(stream)]++;
        }
        // 1/2 + 1/12, and 1/12 for each of the others; four standard deviations are below 4·√(6000/4).
        Assert.That(counts[PromptWording.GenEval], Is.EqualTo(3500).Within(155));
        Assert.That(PromptWording.All.Skip(1).Select(wording => counts[wording]), Is.All.EqualTo(500).Within(90));
    }

    [Test]
    public void Tasks_are_drawn_by_their_weights()
    {
        var counts = new int[6];
        var stream = RandomStream.For(1, 0, 0, RandomPurpose.Data);
        const int N = 8000;
        for (var i = 0; i < N; i++)
        {
            var prompt = PromptSets.Draw(stream, PromptSplit.Training);
            Assert.That(PromptSets.IsHeldOut(prompt), Is.False);
            counts[(int)prompt.Task]++;
        }
        double[] expected = [1000, 1000, 1500, 1000, 2000, 1500];
        // Four standard deviations of a binomial count are below 4·√(8000/4).
        for (var task = 0; task < 6; task++)
        {
            Assert.That(counts[task], Is.EqualTo(expected[task]).Within(180), ((GenEvalTask)task).Name());
        }
    }

    [Test]
    public void Written_lists_read_back_as_the_same_prompts()
    {
        var folder = Directory.CreateTempSubdirectory("prompts").FullName;
        try
        {
            PromptListFiles.Write(folder);
            (string File, PromptList List)[] files =
            [
                ("train.txt", PromptList.Training),
                ("choice.txt", PromptList.Choice),
                ("test.txt", PromptList.Test),
            ];
            foreach (var (file, list) in files)
            {
                Assert.That(PromptListFiles.Read(Path.Combine(folder, file)), Is.EqualTo(PromptSets.List(list)), file);
                Assert.That(File.ReadAllText(Path.Combine(folder, file)), Does.Not.Contain("\r"), file);
            }
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    [Test]
    public void A_bad_line_is_named_with_file_and_number()
    {
        var path = Path.GetTempFileName();
        try
        {
            File.WriteAllText(path, "a photo of a circle\n\na photo of a dog\n");
            Assert.That(
                () => PromptListFiles.Read(path),
                Throws.TypeOf<FormatException>().With.Message.StartsWith($"{path}, line 3: cannot read")
            );
        }
        finally
        {
            File.Delete(path);
        }
    }
}
