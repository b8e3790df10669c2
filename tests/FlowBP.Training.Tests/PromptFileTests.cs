using System.Text;
using FlowBP.Formats;

namespace FlowBP.Training.Tests;

/// <summary>Prompts in every form that data sets have; what is in doubt is refused with its line.</summary>
public class PromptFileTests
{
    private static readonly string[] s_two = ["a red circle, drawn", "two \"blue\" squares"];

    private TemporaryFolder folder = null!;

    [SetUp]
    public void CreateFolder() => folder = new();

    [TearDown]
    public void DeleteFolder() => folder.Dispose();

    [TestCase("p.txt", "a red circle, drawn\ntwo \"blue\" squares\n")]
    [TestCase("p.txt", "a red circle, drawn\r\ntwo \"blue\" squares\r\n\r\n")]
    [TestCase("p.txt", "\uFEFFa red circle, drawn\n  two \"blue\" squares")]
    [TestCase("prompts", "a red circle, drawn\rtwo \"blue\" squares")]
    [TestCase("p.json", """["a red circle, drawn", "two \"blue\" squares"]""")]
    [TestCase("p.json", """[{"prompt": "a red circle, drawn", "tag": 1}, {"prompt": "two \"blue\" squares"}]""")]
    [TestCase("p.json", """[{"caption": "a red circle, drawn"}, {"Text": "two \"blue\" squares"}]""")]
    [TestCase(
        "p.json",
        """[{"text": "a red circle, drawn", "caption": "a red circle, drawn"}, "two \"blue\" squares"]"""
    )]
    [TestCase("p.json", """{"version": 1, "prompts": ["a red circle, drawn", "two \"blue\" squares"]}""")]
    [TestCase(
        "p.JSON",
        "\uFEFF{\"prompt\": \"a red circle, drawn\"}\r\n{\"prompt\": \"two \\\"blue\\\" squares\"}\r\n"
    )]
    [TestCase(
        "p.jsonl",
        "{\"tag\": {\"a\": 1}, \"prompt\": \"a red circle, drawn\"}\n\n{\"caption\": \"two \\\"blue\\\" squares\"}\n"
    )]
    [TestCase("p.ndjson", "\"a red circle, drawn\"\n{\"prompt\": \"two \\\"blue\\\" squares\"}")]
    [TestCase("p.csv", "id,Prompt\n1,\"a red circle, drawn\"\n2,\"two \"\"blue\"\" squares\"\n")]
    [TestCase("p.csv", "\uFEFFcaption,id\r\n\"a red circle, drawn\",1\r\n\"two \"\"blue\"\" squares\",2\r\n")]
    [TestCase("p.tsv", "Prompt\tCategory\na red circle, drawn\tx\ntwo \"blue\" squares\ty\n")]
    public void Every_form_gives_the_same_prompts(string name, string content) =>
        Assert.That(PromptFile.Read(folder.Write(name, content)), Is.EqualTo(s_two));

    [TestCase("p.json", """[{"question": "a cat", "caption": "no"}]""")]
    [TestCase("p.jsonl", """{"question": "a cat", "caption": "no"}""")]
    [TestCase("p.csv", "caption,question\nno,a cat\n")]
    [TestCase("p.tsv", "Caption\tQUESTION\nno\ta cat\n")]
    public void A_key_that_is_given_is_the_prompts(string name, string content) =>
        Assert.That(PromptFile.Read(folder.Write(name, content), "question"), Is.EqualTo(new[] { "a cat" }));

    [TestCase("p.txt", "a cat\na dog\n", true)]
    [TestCase("p.json", """["a cat", "a dog"]""", true)]
    [TestCase("p.jsonl", "\"a cat\"\n\"a dog\"\n", true)]
    [TestCase("p.csv", "question\na cat\na dog\n", false)]
    [TestCase("p.jsonl", "{\"question\": \"a cat\"}\n{\"question\": \"a dog\"}\n", false)]
    public void A_key_that_names_nothing_in_the_file_is_said(string name, string content, bool said)
    {
        List<string> notices = [];
        using (LoadingNotices.To(notices.Add))
        {
            var file = folder.Write(name, content);
            Assert.That(PromptFile.Read(file, "question"), Is.EqualTo(new[] { "a cat", "a dog" }));
        }
        Assert.That(
            notices,
            Has.Count.EqualTo(said ? 1 : 0).And.All.Contains("caption_key ('question') names nothing")
        );
    }

    [TestCase("p.json", """[{"question": "a cat"}]""", "item 0 has none of prompt, caption, text: it has question")]
    [TestCase("p.jsonl", "{\"prompt\": \"a\"}\n{\"tag\": 1}", "line 2 has none of prompt, caption, text: it has tag")]
    [TestCase("p.csv", "a,b\n1,2\n", "line 1 has none of prompt, caption, text: it has a, b")]
    [TestCase("p.json", """[{"prompt": "a", "caption": "b"}]""", "item 0 has prompt and caption: say with caption_key")]
    [TestCase("p.csv", "prompt,text\na,b\n", "line 1 has prompt and text: say with caption_key")]
    [TestCase("p.json", """[{"prompt": "a cat"}, {"prompt": 3}]""", "item 1: 'prompt' is a number, expected a text")]
    [TestCase("p.json", """[3]""", "item 0 is a number")]
    [TestCase("p.json", """["a", "  "]""", "item 1 is empty")]
    [TestCase("p.jsonl", "{\"prompt\": \"\"}", "line 1 is empty")]
    [TestCase("p.csv", "prompt,x\na,1\n,2\n", "line 3: the column 'prompt' is empty")]
    [TestCase("p.json", "[]", "holds no prompts")]
    [TestCase("p.csv", "prompt\n", "holds no prompts")]
    [TestCase("p.csv", "", "holds no prompts")]
    [TestCase("p.json", "3", "is no JSON list")]
    [TestCase("p.json", "[", "is no JSON list")]
    [TestCase("p.jsonl", "{\"prompt\": \"a\"}\n{\"prompt\"", "line 2 is no JSON")]
    [TestCase("p.txt", "{\"prompt\": \"a red circle\"}\n", "line 1 is JSON, not a prompt: name the file .jsonl")]
    [TestCase("p.txt", "a\n[\"a\", \"b\"]\n", "line 2 is JSON, not a prompt")]
    [TestCase("p.json", """["a \ud800 b"]""", "item 0 holds half a letter")]
    [TestCase("p.jsonl", """{"prompt":"a", "id":"\udc00"}""", "line 1 holds half a letter")]
    [TestCase("p.yaml", "- a red circle\n- a blue square\n", "is YAML, whose lines are no prompts")]
    [TestCase("p.YML", "prompts:\n- a red circle\n", "is YAML, whose lines are no prompts")]
    [TestCase("p.txt", "<!DOCTYPE html>\n<html>\n", "is a web page (HTML)")]
    [TestCase("prompts", "<html><head><title>Log in</title></head></html>", "is a web page (HTML)")]
    [TestCase("p.txt", "version https://git-lfs.github.com/spec/v1\noid sha256:1\n", "Git LFS pointer")]
    public void What_is_in_doubt_is_refused_with_its_place(string name, string content, string problem)
    {
        var file = folder.Write(name, content);
        Assert.That(
            () => PromptFile.Read(file),
            Throws.TypeOf<InvalidDataException>().With.Message.StartsWith(file).And.Message.Contains(problem)
        );
    }

    [Test]
    public void A_prompt_in_brackets_is_a_prompt() =>
        Assert.That(
            PromptFile.Read(folder.Write("p.txt", "[a red circle]\n{photo} of a cat\n[1, 2]\n")),
            Is.EqualTo(new[] { "[a red circle]", "{photo} of a cat", "[1, 2]" })
        );

    [TestCase("p.txt", "a\nb caf\u00E9\n", "line 2 is not valid UTF-8 (byte E9)")]
    [TestCase("p.jsonl", "{\"prompt\": \"\u00FC\"}\n", "line 1 is not valid UTF-8 (byte FC)")]
    [TestCase("p.csv", "prompt\nx\n\u00E4\n", "line 3 is not valid UTF-8 (byte E4)")]
    public void Latin1_is_refused_with_its_line(string name, string content, string problem)
    {
        File.WriteAllText(folder.Of(name), content, Encoding.Latin1);
        Assert.That(
            () => PromptFile.Read(folder.Of(name)),
            Throws.TypeOf<InvalidDataException>().With.Message.Contains(problem)
        );
    }

    [Test]
    public void UTF16_is_refused_with_and_without_its_mark()
    {
        File.WriteAllText(folder.Of("p.txt"), "a red circle", Encoding.Unicode);
        Assert.That(
            () => PromptFile.Read(folder.Of("p.txt")),
            Throws.TypeOf<InvalidDataException>().With.Message.Contains("UTF-16")
        );
        File.WriteAllBytes(folder.Of("p.txt"), new UnicodeEncoding(false, false).GetBytes("a red circle"));
        Assert.That(
            () => PromptFile.Read(folder.Of("p.txt")),
            Throws.TypeOf<InvalidDataException>().With.Message.Contains("line 1")
        );
    }

    [Test]
    public void A_prompt_may_be_as_long_as_it_likes()
    {
        var longest = string.Join(' ', Enumerable.Repeat("a red circle", 10_000));
        Assert.That(PromptFile.Read(folder.Write("p.txt", $"a\n{longest}\n")), Is.EqualTo(new[] { "a", longest }));
    }

    [TestCase("p.txt", "a red\u2028circle\u0085here\n")]
    [TestCase("p.jsonl", "{\"prompt\": \"a red\u2028circle\u0085here\"}\n")]
    [TestCase("p.json", "[\"a red\u2028circle\u0085here\"]")]
    public void Separators_of_lines_that_no_file_of_lines_knows_stay_in_the_prompt(string name, string content) =>
        Assert.That(PromptFile.Read(folder.Write(name, content)), Is.EqualTo(new[] { "a red\u2028circle\u0085here" }));

    [Test]
    public void Letters_of_every_script_come_through()
    {
        const string Prompt = "ein roter Kreis, 红色的圆, דמות, 🟥";
        Assert.That(PromptFile.Read(folder.Write("p.txt", Prompt)), Is.EqualTo(new[] { Prompt }));
        Assert.That(PromptFile.Read(folder.Write("p.csv", $"prompt\n\"{Prompt}\"")), Is.EqualTo(new[] { Prompt }));
    }
}
