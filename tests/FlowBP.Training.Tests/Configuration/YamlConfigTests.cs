using FlowBP.RandomStreams;
using FlowBP.Training.Configuration;

namespace FlowBP.Training.Tests.Configuration;

/// <summary>Whatever a file holds: values with their lines, or one line that says what is wrong with it.</summary>
public class YamlConfigTests
{
    [Test]
    public void Values_keep_their_keys_their_text_and_their_line()
    {
        var entries = Parse("a: 1.0e-5 # a remark\nb:\n  c: 'x: y'\n  d: [9, 18]\n  e: {f: ~, g: null, h: 'null'}\n");
        Assert.That(
            entries.Select(entry => (entry.Key, entry.Text, entry.IsList)),
            Is.EqualTo(
                new[]
                {
                    ("a", "1.0e-5", false),
                    ("b.c", "x: y", false),
                    ("b.d", "[9, 18]", true),
                    ("b.e.f", "", false),
                    ("b.e.g", "", false),
                    ("b.e.h", "null", false),
                }
            )
        );
        Assert.That(
            entries.Select(entry => entry.Origin.Place),
            Is.EqualTo(new[] { 1, 3, 4, 5, 5, 5 }.Select(line => $"run.yaml, line {line}"))
        );
    }

    [TestCase("", "holds no settings")]
    [TestCase("# nothing\n", "holds no settings")]
    [TestCase("- a\n- b\n", "line 1: a configuration is a mapping")]
    [TestCase("word", "line 1: a configuration is a mapping")]
    [TestCase("a: 1\nb: 2\na: 3\n", "line 3: a is given twice (first in line 1)")]
    [TestCase("s:\n  a: 1\n  a: 1\n", "line 3: s.a is given twice")]
    [TestCase("a: &x 1\nb: *x\n", "line 1: anchors (&x)")]
    [TestCase("a: *x\n", "line 1: aliases (*x)")]
    [TestCase("a: [*x]\n", "line 1: aliases (*x)")]
    [TestCase("*x : 1\n", "line 1: a key is a word")]
    [TestCase("a: !!python/object:os.system ls\n", "line 1: tags")]
    [TestCase("a: !x {b: 1}\n", "line 1: tags")]
    [TestCase("a:\n  <<: {b: 1}\n", "line 2: merging")]
    [TestCase("? [a, b]\n: 1\n", "line 1: a key is a word")]
    [TestCase("a: [[1]]\n", "line 1: a value is a word, a number, or a list of them")]
    [TestCase("a: [{b: 1}]\n", "line 1: a value is a word, a number, or a list of them")]
    [TestCase("a: {b: {c: {d: 1}}}\n", "line 1: a.b.c is nested too deeply")]
    [TestCase("a: 1\n---\nb: 2\n", "line 2: a configuration is one document")]
    [TestCase("a: [1, 2\nb: 3\n", "this is not YAML")]
    [TestCase("a: 'open\n", "this is not YAML")]
    [TestCase("a:\tb: c\n", "this is not YAML")]
    [TestCase("a: b: c\n", "this is not YAML")]
    public void What_is_no_configuration_is_refused_with_its_line(string text, string message)
    {
        var problem = Assert.Throws<ConfigurationException>(() => Parse(text))!;
        Assert.That(problem.Message, Does.StartWith("run.yaml").And.Contain(message));
    }

    [Test]
    public void Aliases_that_unfold_to_a_billion_words_cost_nothing()
    {
        var bomb = "a: &a [lol, lol]\n" + string.Concat("bcdefghij".Select(c => $"{c}: &{c} [*a, *a, *a, *a]\n"));
        Assert.That(() => Parse(bomb), Throws.TypeOf<ConfigurationException>().With.Message.Contains("anchors"));
    }

    [Test]
    public void Depth_and_length_are_limited()
    {
        Assert.That(() => Parse("a: " + new string('[', 200_000)), Throws.TypeOf<ConfigurationException>());
        Assert.That(
            () => Parse(string.Concat(Enumerable.Range(0, 5000).Select(i => new string(' ', i) + "a:\n"))),
            Throws.TypeOf<ConfigurationException>().With.Message.Contains("nested too deeply")
        );
        Assert.That(
            () => Parse($"a: [{string.Join(',', Enumerable.Repeat("1", 2000))}]"),
            Throws.TypeOf<ConfigurationException>().With.Message.Contains("more than 1000 items")
        );
    }

    [Test]
    public void A_file_that_is_missing_too_large_or_no_text_is_named()
    {
        using var folder = new TemporaryFolder();
        Assert.That(() => YamlConfig.Read(folder.Of("none.yaml")), Throws.TypeOf<FileNotFoundException>());
        var large = folder.Write("large.yaml", new string('#', YamlConfig.LargestFile + 1));
        Assert.That(() => YamlConfig.Read(large), Throws.TypeOf<ConfigurationException>().With.Message.Contains(large));
        var binary = folder.Of("binary.yaml");
        File.WriteAllBytes(binary, [0x61, 0x3a, 0xff, 0xfe]);
        Assert.That(
            () => YamlConfig.Read(binary),
            Throws.TypeOf<ConfigurationException>().With.Message.Contains("UTF-8")
        );
    }

    [Test]
    public void No_byte_of_a_file_can_do_worse_than_be_refused()
    {
        var source = RandomStream.For(11, 0, 0, RandomPurpose.Indices);
        const string alphabet = "ab:{}[],&*!|>'\"%@`-?# \n\t~<.0";
        for (var i = 0; i < 3000; i++)
        {
            var text = string.Concat(Enumerable.Range(0, 30).Select(_ => alphabet[source.NextInt(alphabet.Length)]));
            try
            {
                Parse(text);
            }
            catch (ConfigurationException e)
            {
                Assert.That(e.Message, Does.StartWith("run.yaml"));
            }
        }
    }

    private static IReadOnlyList<ConfigEntry> Parse(string text) => YamlConfig.Parse(text, "run.yaml", Precedence.File);
}
