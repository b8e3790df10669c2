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
        var file = folder.Write(name, content);
        var notices = Notices(() =>
            Assert.That(PromptFile.Read(file, "question"), Is.EqualTo(new[] { "a cat", "a dog" }))
        );
        Assert.That(
            notices,
            Has.Count.EqualTo(said ? 1 : 0).And.All.Contains("caption_key ('question') names nothing")
        );
    }

    [TestCase("p.tsv", "prompt\tid\n\"a red circle, drawn\"\t1\n\"two \"\"blue\"\" squares\"\t2\n")]
    [TestCase("p.tsv", "id\tprompt\r\n1\ta red circle, drawn\r\n2\t\"two \"\"blue\"\" squares\"")]
    [TestCase("p.tsv", "\"prompt\"\n\"a red circle, drawn\"\n\"two \"\"blue\"\" squares\"\n")]
    public void A_table_with_tabs_is_read_without_the_quotes_that_enclose_its_fields(string name, string content)
    {
        var notices = Notices(() => Assert.That(PromptFile.Read(folder.Write(name, content)), Is.EqualTo(s_two)));
        Assert.That(notices, Has.One.Contains("quotes around its fields"));
    }

    [Test]
    public void A_field_between_tabs_may_span_lines_in_quotes() =>
        Assert.That(
            PromptFile.Read(folder.Write("p.tsv", "prompt\tid\n\"a red\ncircle\"\t1\na\t2\n")),
            Is.EqualTo(new[] { "a red\ncircle", "a" })
        );

    [TestCase("\"STOP\" on a sign\ta\n")]
    [TestCase("a sign with \"STOP\"\ta\n")]
    [TestCase("\"a\" or \"b\"\ta\n")]
    public void Quotes_between_tabs_that_enclose_no_field_are_the_prompts_own(string row) =>
        Assert.That(
            PromptFile.Read(folder.Write("p.tsv", "prompt\tid\n" + row)),
            Is.EqualTo(new[] { row.Split('\t')[0] })
        );

    [TestCase("p.csv", "prompt\na photo of a red circle, big\n", "line 2 has 2 fields, expected 1")]
    [TestCase("p.csv", "prompt,id\na,1\na photo of a red circle, big,2\n", "line 3 has 3 fields, expected 2")]
    [TestCase("p.csv", "id,prompt\n1,a photo, big\n", "line 2 has 3 fields, expected 2")]
    [TestCase("p.csv", "prompt,id\na,1\na\n", "line 3 has 1 field, expected 2")]
    [TestCase("p.csv", "prompt,id\na,1,\n", "line 2 has 3 fields, expected 2")]
    [TestCase("p.csv", "id,prompt\n1\n", "line 2 has 1 field, expected 2")]
    [TestCase("p.tsv", "prompt\tid\na\tb\t1\n", "line 2 has 3 fields, expected 2")]
    [TestCase("p.tsv", "prompt\tid\n\"a\tb\"\t1\nb\n", "line 3 has 1 field, expected 2")]
    [TestCase("p.tsv", "prompt\tid\n\"a\"\t1\n\"b\" and c\t2\n", "the one in line 3 begins with a quote")]
    [TestCase("p.txt", "[\n  \"a\",\n  \"b\"\n]\n", "is JSON or a list of a program over several lines")]
    [TestCase("p.txt", "{\n  \"prompt\": \"a\"\n}\n", "is JSON or a list of a program over several lines")]
    [TestCase("p.txt", "[\n\n  \"a\"\n\n]\n", "is JSON or a list of a program over several lines")]
    [TestCase(
        "p.txt",
        "[{\"prompt\": \"a\"},\n{\"prompt\": \"b\"}]",
        "is JSON or a list of a program over several lines"
    )]
    [TestCase("p.txt", "[1,\n2]", "is JSON or a list of a program over several lines")]
    [TestCase("p.txt", "[\n'a',\n'b',\n]", "is JSON or a list of a program over several lines")]
    [TestCase("p.txt", "prompts = [\n'a',\n]", "is JSON or a list of a program over several lines")]
    [TestCase("p.txt", "['a','b']", "line 1 is JSON or a list of a program")]
    [TestCase("p.txt", "a\n['it\\'s a', 'b']", "line 2 is JSON or a list of a program")]
    [TestCase("p.txt", "['a cat's tail', 'b']", "line 1 is JSON or a list of a program")]
    [TestCase("p.txt", "[\"a\", \"b\"\n\"c\"", "line 1 is JSON or a list of a program")]
    [TestCase("p.txt", "[\"a\",\n\"b\"", "line 1 is JSON or a list of a program")]
    [TestCase("p.txt", "(\"a\", \"b\")", "line 1 is JSON or a list of a program")]
    [TestCase("p.txt", "{'prompt': 'a'}", "line 1 is JSON or a list of a program")]
    [TestCase("p.txt", "{\"prompt\": \"a\"},\n{\"prompt\": \"b\"},", "line 1 is JSON or a list of a program")]
    [TestCase("p.txt", "{prompt: \"a\"}", "line 1 is JSON or a list of a program")]
    [TestCase("p.txt", "prompt = \"a red circle\"", "line 1 assigns a value")]
    [TestCase(
        "p.txt",
        "id,prompt\n1,a\n",
        "line 1 is the header of a table (id,prompt), not a prompt: name the file .csv"
    )]
    [TestCase(
        "p.txt",
        "prompt\tseed\na\t1\n",
        "line 1 is the header of a table (prompt seed), not a prompt: name the file .tsv"
    )]
    [TestCase("p.txt", "Prompt, Seed\na, 1\n", "line 1 is the header of a table")]
    [TestCase("p.txt", ",prompt\n0,a\n", "line 1 is the header of a table")]
    [TestCase("p.txt", "\"id\",\"Caption\"\n1,a\n", "line 1 is the header of a table")]
    [TestCase("p.txt", "id;prompt\n1;a\n", "separate its columns with commas")]
    [TestCase("p.txt", "id,text\n1,a\n", "line 1 is the header of a table")]
    [TestCase("prompts", "image id\ttext\n1\ta\n", "line 1 is the header of a table")]
    [TestCase("p.toml", "prompt = \"a\"\n", "is TOML, whose lines are no prompts")]
    [TestCase("p.txt", "- a\n- b\n", "every line begins with '- '")]
    [TestCase("p.md", "* a\n\n* b\n", "every line begins with '* '")]
    [TestCase("p.txt", "1. a\n2. b\n", "its lines are numbered")]
    [TestCase("p.txt", "\"a\"\n\"b\"\n", "every line is in quotes")]
    [TestCase("p.txt", "\"a\",\n\"b\"\n", "every line is in quotes")]
    [TestCase("p.txt", "\"a\",", "every line is in quotes")]
    [TestCase("p.txt", "'a'\n'it's b'\n", "every line is in quotes")]
    [TestCase("p.txt", "\u201Ca\u201D\n\u201Cb\u201D\n", "every line is in quotes")]
    [TestCase("p.txt", "# animals\na cat\n", "line 1 is a comment")]
    [TestCase("p.txt", "a cat\n\n#\na dog\n", "line 3 is a comment")]
    [TestCase("p.txt", "a cat --n blurry --w 512 --h 512\n", "line 1 has --n, an option of sd-scripts")]
    [TestCase("p.txt", "a cat\na dog --d 7\n", "line 2 has --d, an option of sd-scripts")]
    [TestCase("p.txt", "a cat\nNegative prompt: blurry\n", "line 2 names its value")]
    [TestCase("p.txt", "prompts:\n- a cat\n", "line 1 names its value")]
    [TestCase("p.txt", "- prompt: a cat\n  seed: 1\n", "line 1 names its value")]
    public void What_would_lose_or_gain_letters_is_refused(string name, string content, string problem) =>
        What_is_in_doubt_is_refused_with_its_place(name, content, problem);

    [TestCase("[\"STOP\" sign] on a street")]
    [TestCase("['tis a cat] asleep")]
    [TestCase("a cat, text, caption on a sign")]
    [TestCase("1girl, solo, text, outdoors")]
    [TestCase("#1 dad on a mug")]
    [TestCase("a cat -- the small one -- asleep")]
    [TestCase("12 cats")]
    [TestCase("a man says \"hello\"")]
    [TestCase("\"hello\" on one sign and \"bye\"")]
    [TestCase("a prompt: \"red\"")]
    [TestCase("red=blue")]
    [TestCase("(a cat)")]
    [TestCase("a cat at (10:30), scale (1:4), chapter [3:16]")]
    public void Signs_that_prose_has_are_painted_without_a_word(string prompt)
    {
        var notices = Notices(() =>
            Assert.That(PromptFile.Read(folder.Write("p.txt", $"{prompt}\nb\n")), Is.EqualTo(new[] { prompt, "b" }))
        );
        Assert.That(notices, Is.Empty);
    }

    [TestCase("p.txt", "a (red:1.4) circle\nb\n", "'(red:1.4)'")]
    [TestCase("p.txt", "a <lora:detail:0.8> circle\n", "'<lora:detail:0.8>'")]
    [TestCase("p.jsonl", "{\"prompt\": \"a (red circle:1.2)\"}", "'(red circle:1.2)'")]
    [TestCase("p.csv", "prompt\na [red:blue:0.5] circle\n", "'[red:blue:0.5]'")]
    [TestCase("p.txt", "a {red|blue} circle\n__color__ cats\n", "'{red|blue}' and '__color__'")]
    [TestCase("p.txt", "a cat --ar 16:9 --v 6\n", "'--ar'")]
    [TestCase("p.json", "[\"a cat --w 512\"]", "'--w'")]
    [TestCase("p.txt", "a (b:1.1)\na (c:1.2)\n<lora:d:1>\n", "'<lora:d:1>' and '(b:1.1)'")]
    public void Signs_of_other_programs_are_said_once_and_painted(string name, string content, string signs)
    {
        var notices = Notices(() => PromptFile.Read(folder.Write(name, content)));
        Assert.That(
            notices,
            Has.Count.EqualTo(1).And.One.Contains($"signs such as {signs} have a meaning in other programs")
        );
    }

    [TestCase("\"hello\"\n", "its only line is in quotes")]
    [TestCase("prompt\na cat\n", "line 1 is 'prompt', as the header of a table")]
    public void A_line_that_may_be_meant_otherwise_is_painted_and_said(string content, string said)
    {
        var notices = Notices(() =>
            Assert.That(PromptFile.Read(folder.Write("p.txt", content)), Is.EqualTo(content.TrimEnd().Split('\n')))
        );
        Assert.That(notices, Has.Count.EqualTo(1).And.One.Contains(said));
    }

    [TestCase("p.json", """[{"prompt": "a", "negative_prompt": "b"}, {"prompt": "c", "seed": 1, "width": 64}]""")]
    [TestCase("p.json", """{"negative_prompt": "b", "prompts": ["a", "c"], "seed": 1, "width": 2}""")]
    [TestCase("p.jsonl", "{\"caption\": \"a\", \"negative_prompt\": \"b\", \"seed\": 1, \"width\": 1}\n\"c\"")]
    [TestCase("p.csv", "negative_prompt,prompt,seed,width\nb,a,1,2\nb,c,2,3\n")]
    [TestCase("p.tsv", "negative_prompt\tprompt\tseed\twidth\nb\ta\t1\t2\n\tc\t1\t3\n")]
    public void What_stands_beside_the_prompts_and_has_no_effect_is_said_in_one_note(string name, string content)
    {
        var notices = Notices(() =>
            Assert.That(PromptFile.Read(folder.Write(name, content)), Is.EqualTo(new[] { "a", "c" }))
        );
        Assert.That(notices, Has.Count.EqualTo(1).And.One.Contains("not used: negative_prompt, seed, width"));
    }

    [TestCase("p.json", """[{"prompt": "a", "text": "a"}]""")]
    [TestCase("p.csv", "prompt\na\n")]
    [TestCase("p.csv", ",prompt\n0,a\n")]
    public void Records_with_nothing_else_to_use_are_read_without_a_word(string name, string content) =>
        Assert.That(Notices(() => PromptFile.Read(folder.Write(name, content))), Is.Empty);

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

    private static List<string> Notices(Action read)
    {
        List<string> notices = [];
        using (LoadingNotices.To(notices.Add))
        {
            read();
        }
        return notices;
    }
}
