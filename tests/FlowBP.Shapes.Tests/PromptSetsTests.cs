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
    public void Both_sides_use_every_word([Values(PromptSplit.Training, PromptSplit.HeldOut)] PromptSplit split)
    {
        Assert.That(
            PromptSets.List(split).SelectMany(p => p.Text.Split(' ')).Distinct(),
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
    public void A_list_holds_one_prompt_per_meaning_and_says_every_relation_about_equally_often(
        [Values(PromptSplit.Training, PromptSplit.HeldOut)] PromptSplit split
    )
    {
        var list = PromptSets.List(split);
        Assert.That(list.Select(p => p.Canonical), Is.Unique);
        Assert.That(list, Is.SubsetOf(PromptSets.Of(split)));
        Prompt[] positions = [.. list.Where(p => p.Task == GenEvalTask.Position)];
        Assert.That(positions, Has.Length.EqualTo(split == PromptSplit.Training ? 240 : 60));
        foreach (var relation in Relations.All)
        {
            var share = (double)positions.Count(p => p.Relation == relation) / positions.Length;
            Assert.That(share, Is.EqualTo(0.25).Within(0.03), relation.Text());
        }
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
            PromptSets.Write(folder);
            Assert.That(
                PromptSets.Read(Path.Combine(folder, "train.txt")),
                Is.EqualTo(PromptSets.List(PromptSplit.Training))
            );
            Assert.That(
                PromptSets.Read(Path.Combine(folder, "heldout.txt")),
                Is.EqualTo(PromptSets.List(PromptSplit.HeldOut))
            );
            Assert.That(File.ReadAllText(Path.Combine(folder, "heldout.txt")), Does.Not.Contain("\r"));
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
                () => PromptSets.Read(path),
                Throws.TypeOf<FormatException>().With.Message.StartsWith($"{path}, line 3: cannot read")
            );
        }
        finally
        {
            File.Delete(path);
        }
    }
}
