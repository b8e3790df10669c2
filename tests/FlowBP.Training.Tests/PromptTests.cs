using FlowBP.Training.Alignment;

namespace FlowBP.Training.Tests;

public class PromptTests
{
    private TemporaryFolder folder = null!;

    [SetUp]
    public void CreateFolder() => folder = new();

    [TearDown]
    public void DeleteFolder() => folder.Dispose();

    [Test]
    public void A_file_is_read_line_by_line_without_surrounding_space() =>
        Assert.That(
            PromptFile.Read(folder.Write("p.txt", "a red circle\r\n  two squares \n\n \n")),
            Is.EqualTo(new[] { "a red circle", "two squares" })
        );

    [Test]
    public void A_missing_file_is_named() =>
        Assert.That(
            () => PromptFile.Read(folder.Of("none.txt")),
            Throws.TypeOf<FileNotFoundException>().With.Message.Contains(folder.Of("none.txt"))
        );

    [TestCase("")]
    [TestCase("\n \n")]
    public void A_file_without_prompts_says_what_to_write(string text) =>
        Assert.That(
            () => PromptFile.Read(folder.Write("p.txt", text)),
            Throws.TypeOf<InvalidDataException>().With.Message.Contains("holds no prompts: write one per line")
        );

    [Test]
    public void An_empty_line_among_prompts_is_named_by_its_number() =>
        Assert.That(
            () => PromptFile.Read(folder.Write("p.txt", "a\n\nb\n")),
            Throws.TypeOf<InvalidDataException>().With.Message.Contains("line 2 is empty")
        );

    [Test]
    public void Each_epoch_is_a_permutation_of_its_own()
    {
        string[] prompts = [.. Enumerable.Range(0, 12).Select(i => $"prompt {i}")];
        var order = new PromptOrder(prompts, seed: 1);
        // 3 epochs of 12 in batches of 4.
        string[][] epochs = [.. Enumerable.Range(0, 9).SelectMany(step => order.Next(step, 4)).Chunk(12)];
        Assert.That(epochs, Is.All.EquivalentTo(prompts));
        Assert.That(epochs[1], Is.Not.EqualTo(epochs[0]));
        Assert.That(epochs[2], Is.Not.EqualTo(epochs[1]));
        Assert.That(epochs[0], Is.Not.EqualTo(prompts));
    }

    [Test]
    public void The_prompts_of_a_step_depend_on_seed_and_step_alone()
    {
        string[] prompts = [.. Enumerable.Range(0, 10).Select(i => $"prompt {i}")];
        var order = new PromptOrder(prompts, seed: 1);
        // Batches of 4 cross the ends of epochs of 10.
        var steps = Enumerable.Range(0, 12).Select(step => order.Next(step, 4)).ToArray();
        var other = new PromptOrder(prompts, seed: 1);
        foreach (var step in new[] { 11, 2, 7, 0 })
        {
            Assert.That(other.Next(step, 4), Is.EqualTo(steps[step]), $"step {step}, asked for out of order");
        }
        Assert.That(new PromptOrder(prompts, seed: 2).Next(0, 10), Is.Not.EqualTo(order.Next(0, 10)));
        Assert.That(
            steps.SelectMany(batch => batch).Take(40).CountBy(text => text).Select(p => p.Value),
            Is.All.EqualTo(4)
        );
    }

    [Test]
    public void A_batch_may_be_larger_than_the_list() =>
        Assert.That(
            new PromptOrder(["a", "b"], 3).Next(0, 6).CountBy(text => text).Select(p => p.Value),
            Is.All.EqualTo(3)
        );
}
