using FlowBP.RandomStreams;

namespace FlowBP.Shapes.Tests;

public sealed class PromptTests
{
    private static readonly ObjectPhrase s_circle = new(ShapeKind.Circle);
    private static readonly ObjectPhrase s_redCross = new(ShapeKind.Cross, ShapeColour.Red);
    private static readonly ObjectPhrase s_blueSquare = new(ShapeKind.Square, ShapeColour.Blue);

    [TestCase("a circle left of a red square", "a circle right of a red square")]
    [TestCase("photo of circle right of red square", "photo of circle left of red square")]
    [TestCase("a photo of a circle above a red square", "a photo of a circle above a red square")]
    [TestCase("a photo of three circles", "a photo of three circles")]
    public void A_mirror_exchanges_left_and_right_alone(string text, string mirrored)
    {
        var prompt = Prompt.Parse(text);
        Assert.That(prompt.Mirrored.Text, Is.EqualTo(mirrored));
        Assert.That(prompt.Mirrored.Mirrored, Is.EqualTo(prompt));
    }

    [Test]
    public void A_near_prompt_is_another_one_of_this_world_in_the_same_wording()
    {
        var known = PromptSets.Of(PromptSplit.All).Select(prompt => prompt.Canonical).ToHashSet();
        for (var draw = 0; draw < 500; draw++)
        {
            var stream = RandomStream.For(9, draw, 0, RandomPurpose.Data);
            var wording = PromptWording.All[draw % PromptWording.All.Count];
            var prompt = PromptSets.Draw(stream, PromptSplit.All).In(wording);
            var near = PromptEdits.Near(stream, prompt);
            Assert.That(near, Is.Not.EqualTo(prompt));
            Assert.That(known, Does.Contain(near.Canonical));
            Assert.That(near.Wording.Frame, Is.EqualTo(wording.Frame));
            Assert.That(Prompt.Parse(near.Text), Is.EqualTo(near));
        }
    }

    [Test]
    public void Texts_follow_GenEval_and_tasks_follow_from_the_form()
    {
        Assert.Multiple(() =>
        {
            Is("a photo of a circle", GenEvalTask.SingleObject, Prompt.One(s_circle));
            Is("a photo of a red cross", GenEvalTask.Colors, Prompt.One(s_redCross));
            Is("a photo of two circles", GenEvalTask.Counting, Prompt.Several(2, s_circle));
            Is("a photo of four red crosses", GenEvalTask.Counting, Prompt.Several(4, s_redCross));
            Is("a photo of a circle and a blue square", GenEvalTask.TwoObject, Prompt.Pair(s_circle, s_blueSquare));
            Is(
                "a photo of a red cross and a blue square",
                GenEvalTask.ColorAttr,
                Prompt.Pair(s_redCross, s_blueSquare)
            );
            Is(
                "a photo of a circle left of a blue square",
                GenEvalTask.Position,
                Prompt.Related(s_circle, Relation.LeftOf, s_blueSquare)
            );
            Is(
                "a photo of a red cross below a circle",
                GenEvalTask.Position,
                Prompt.Related(s_redCross, Relation.Below, s_circle)
            );
        });

        static void Is(string text, GenEvalTask task, Prompt prompt)
        {
            Assert.That(prompt.Text, NUnit.Framework.Is.EqualTo(text));
            Assert.That(prompt.Task, NUnit.Framework.Is.EqualTo(task));
        }
    }

    [Test]
    public void Parsing_the_text_gives_the_prompt_back_for_every_prompt()
    {
        var prompts = PromptSets.Of(PromptSplit.All);
        Assert.That(prompts, Has.Count.EqualTo(4 + 156 + 84 + 24 + 2352 + 360));
        Prompt[] worded = [.. prompts.SelectMany(p => p.Wordings)];
        // A counted prompt has no article to leave out.
        Assert.That(worded, Has.Length.EqualTo(6 * (prompts.Count - 84) + 3 * 84));
        foreach (var prompt in worded)
        {
            Assert.That(Prompt.Parse(prompt.Text), Is.EqualTo(prompt));
        }

        Assert.That(worded.Select(p => p.Text).Distinct().Count(), Is.EqualTo(worded.Length));
    }

    [Test]
    public void Case_and_blanks_don_t_matter()
    {
        Assert.That(Prompt.Parse("  A photo  of a RED cross\t"), Is.EqualTo(Prompt.One(s_redCross)));
    }

    [TestCase("a photo of a circle", true, "a photo of ")]
    [TestCase("a circle", true, "")]
    [TestCase("circle", false, "")]
    [TestCase("photo of circle", false, "photo of ")]
    [TestCase("photo of two circles", true, "photo of ")]
    [TestCase("circle left of red cross", false, "")]
    [TestCase("a photo of circle and red cross", false, "a photo of ")]
    public void A_wording_is_read_from_the_text_and_changes_neither_task_nor_meaning(
        string text,
        bool articles,
        string frame
    )
    {
        var prompt = Prompt.Parse(text);
        var usual = prompt.In(PromptWording.GenEval);
        using (Assert.EnterMultipleScope())
        {
            Assert.That(prompt.Wording, Is.EqualTo(new PromptWording(frame, articles)));
            Assert.That(usual.Text, Does.StartWith("a photo of "));
            Assert.That(usual.Task, Is.EqualTo(prompt.Task));
            Assert.That(usual.Canonical, Is.EqualTo(prompt.Canonical));
            Assert.That(usual == prompt, Is.EqualTo(text == usual.Text));
        }
    }

    [TestCase("", "found the end of the prompt, expected 'a'")]
    [TestCase("a", "found the end of the prompt, expected a colour")]
    [TestCase("a photo", "found the end of the prompt, expected 'of'")]
    [TestCase("photo a circle", "found 'a' (word 2), expected 'of'")]
    [TestCase("photograph of a circle", "found 'photograph' (word 1), expected 'a', 'photo of'")]
    [TestCase("a circle and square", "found 'square' (word 4), expected 'a'")]
    [TestCase("circle and a square", "found 'a' (word 3), expected a colour")]
    [TestCase("a two circles", "found 'two' (word 2), expected a colour")]
    [TestCase("a photo of a dog", "found 'dog' (word 5), expected a colour (red, yellow")]
    [TestCase("a photo of a dog", "This world knows only these words: a photo of")]
    [TestCase("a photo of a red dog", "expected one of circle, square, triangle, cross")]
    [TestCase("a photo of two circle", "found 'circle' (word 5), expected a colour")]
    [TestCase("a photo of circles", "expected 'a' or one of two, three, four")]
    [TestCase(
        "a photo of a circle beside a square",
        "found 'beside' (word 6), expected 'and', one of left of, right of"
    )]
    [TestCase("a photo of a circle left a square", "found 'a' (word 7), expected 'of'")]
    [TestCase("a photo of a circle and a square and a cross", "found 'and' (word 9), expected the end of the prompt")]
    public void Anything_else_is_refused_with_the_word_and_what_was_expected(string text, string complaint)
    {
        Assert.That(() => Prompt.Parse(text), Throws.TypeOf<FormatException>().With.Message.Contains(complaint));
    }

    [Test]
    public void The_vocabulary_is_exactly_the_words_in_use()
    {
        string[][] sentences = [.. PromptSets.Of(PromptSplit.All).Select(p => p.Text.Split(' '))];
        Assert.That(Vocabulary.Words, Is.Unique);
        Assert.That(Vocabulary.Words, Is.EquivalentTo(sentences.SelectMany(s => s).Distinct()));
        Assert.That(sentences.Max(s => s.Length), Is.EqualTo(Vocabulary.LongestPrompt));
    }

    [Test]
    public void Prompts_that_say_the_same_have_one_canonical_form()
    {
        static Prompt Canonical(string text) => Prompt.Parse(text).Canonical;
        Assert.Multiple(() =>
        {
            Assert.That(
                Canonical("a photo of a circle right of a square"),
                Is.EqualTo(Canonical("a photo of a square left of a circle"))
            );
            Assert.That(
                Canonical("a photo of a circle below a square"),
                Is.EqualTo(Canonical("a photo of a square above a circle"))
            );
            Assert.That(
                Canonical("a photo of a red circle and a blue square"),
                Is.EqualTo(Canonical("a photo of a blue square and a red circle"))
            );
            Assert.That(
                Canonical("a photo of a circle left of a square"),
                Is.Not.EqualTo(Canonical("a photo of a square left of a circle"))
            );
        });
    }
}
