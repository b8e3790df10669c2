using FlowBP.Formats;
using FlowBP.Training.Runs;

namespace FlowBP.Training.Tests;

/// <summary>Which prompts a sampling run paints.</summary>
public class SampledPromptsTests
{
    private TemporaryFolder folder = null!;

    [SetUp]
    public void CreateFolder() => folder = new();

    [TearDown]
    public void DeleteFolder() => folder.Dispose();

    [TestCase(null, 30)]
    [TestCase("none", 30)]
    [TestCase("24", 24)]
    [TestCase("40", 30)]
    public void Of_a_file_all_prompts_are_painted_unless_a_limit_is_given(string? limit, int expected)
    {
        var file = folder.Write("p.txt", string.Join('\n', Enumerable.Range(0, 30).Select(i => $"prompt {i}")));
        var prompts = Prompts([("prompts", file), .. Given("prompts_limit", limit)]);
        Assert.That(prompts, Has.Count.EqualTo(expected));
        Assert.That(prompts.Distinct().Count(), Is.EqualTo(expected));
    }

    [TestCase(null, null, 24)]
    [TestCase("embedded", null, 24)]
    [TestCase(null, "3", 3)]
    public void Of_the_embedded_prompts_a_few_are_painted(string? file, string? limit, int expected) =>
        Assert.That(
            Prompts([.. Given("prompts", file), .. Given("prompts_limit", limit)]),
            Has.Count.EqualTo(expected)
        );

    [Test]
    public void No_limit_takes_all_embedded_prompts() =>
        Assert.That(Prompts([("prompts_limit", "none")]), Has.Count.GreaterThan(24));

    [Test]
    public void Signs_of_other_programs_in_the_one_prompt_are_said()
    {
        List<string> notices = [];
        using (LoadingNotices.To(notices.Add))
        {
            Assert.That(Prompts([("prompt", "a (red:1.4) circle")]), Is.EqualTo(new[] { "a (red:1.4) circle" }));
        }
        Assert.That(notices, Has.Count.EqualTo(1).And.One.StartsWith("--prompt: signs such as '(red:1.4)'"));
    }

    [Test]
    public void One_prompt_and_a_file_are_a_contradiction() =>
        Assert.That(
            () => Prompts([("prompt", "a"), ("prompts", "p.txt")]),
            Throws.TypeOf<ConfigurationException>().With.Message.Contains("--prompt and --prompts")
        );

    private static (string, string)[] Given(string name, string? value) => value is null ? [] : [(name, value)];

    private static IReadOnlyList<string> Prompts((string Name, string Value)[] given) =>
        SampleSettings.Of([.. given.Select(pair => KeyValuePair.Create(pair.Name, pair.Value))]).ReadPrompts();
}
