// Files of prompts from strangers, in every form that is read.

using System.Text;
using FlowBP.Tests.Fuzzing;

namespace FlowBP.Training.Tests.Fuzzing;

public sealed class PromptFuzzTests
{
    private TemporaryFolder folder = null!;

    [OneTimeSetUp]
    public void CreateFolder() => folder = new();

    [OneTimeTearDown]
    public void DeleteFolder() => folder.Dispose();

    [TestCase(30, "prompts.txt", "a red square\na photo of a cat, 35mm\n\"quoted\"\n(blue:1.4) sea --v 5\nthe end\n")]
    [TestCase(31, "prompts.json", """["a red square", "a blue circle", "the sea"]""")]
    [TestCase(32, "records.json", """{"prompts": [{"prompt": "a", "tag": "x"}, {"prompt": "b", "seed": 3}], "n": 2}""")]
    [TestCase(33, "prompts.csv", "prompt,seed\n\"a red, round thing\",3\nthe sea,4\n\"say \"\"hi\"\"\",5\n")]
    [TestCase(34, "prompts.tsv", "prompt\tseed\na red thing\t3\n\"the sea\"\t4\n")]
    public void Fuzz_prompts_are_read_or_refused_by_name(int test, string name, string valid) =>
        Check(test, name, valid, name.EndsWith(".json", StringComparison.Ordinal));

    [Test]
    public void Fuzz_lines_of_JSON_are_read_or_refused_by_name()
    {
        var file = folder.Of("prompts.jsonl");
        var law = new ReaderLaw(file, typeof(InvalidDataException));
        for (var number = 0; number < FuzzCases.Count(); number++)
        {
            var random = FuzzCases.Random(35, number);
            string[] lines =
            [
                """{"prompt": "a red square", "seed": 3}""",
                """{"prompt": "the sea", "tags": ["x", null]}""",
            ];
            lines[random.Next(2)] = JsonMutations.Of(lines[random.Next(2)], random);
            var text = string.Join('\n', lines);
            File.WriteAllText(file, text);
            law.Require(number, text.Length, () => Read(file));
        }
        law.RequireKept();
    }

    private void Check(int test, string name, string valid, bool isJson)
    {
        var file = folder.Of(name);
        var law = new ReaderLaw(file, typeof(InvalidDataException));
        for (var number = 0; number < FuzzCases.Count(); number++)
        {
            var random = FuzzCases.Random(test, number);
            var bytes = random.Next(4) switch
            {
                0 => ByteMutations.Of(Encoding.UTF8.GetBytes(valid), random),
                _ => Encoding.UTF8.GetBytes(isJson ? JsonMutations.Of(valid, random) : TextMutations.Of(valid, random)),
            };
            File.WriteAllBytes(file, bytes);
            law.Require(number, bytes.Length, () => Read(file));
        }
        law.RequireKept();
    }

    private static void Read(string file)
    {
        var prompts = PromptFile.Read(file);
        Assert.That(prompts, Is.Not.Empty);
        Assert.That(prompts.All(prompt => prompt.Trim().Length > 0), Is.True);
    }
}
