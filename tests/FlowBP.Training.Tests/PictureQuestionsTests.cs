using FlowBP.RandomStreams;
using FlowBP.Shapes;
using FlowBP.Training.Pretraining;

namespace FlowBP.Training.Tests;

/// <summary>What painted pictures are asked, and whether the answers are the rules'.</summary>
public sealed class PictureQuestionsTests
{
    // Four pictures per prompt: a half shows the prompt, a half shows a prompt near it.
    private static JudgedPictures Pictures()
    {
        string[] texts =
        [
            "a photo of a circle",
            "a photo of a red circle left of a square",
            "a photo of three blue squares",
            "a photo of a red cross and a green circle",
        ];
        Prompt[] prompts = [.. texts.Select(Prompt.Parse).Where(prompt => !PromptSets.IsHeldOut(prompt))];
        Assert.That(prompts, Has.Length.GreaterThan(1), "the test needs prompts of the training split");
        var stream = RandomStream.For(1, 2, 3, RandomPurpose.Data);
        var pictures = new JudgedPictures();
        foreach (var prompt in prompts)
        {
            for (var copy = 0; copy < 4; copy++)
            {
                var shown = copy < 2 ? prompt : PromptEdits.Near(stream, prompt);
                var image = Renderer.Render(SceneSampler.Sample(stream, shown));
                pictures.Add([prompt], image, [RuleEvaluator.Judge(prompt, image)]);
            }
        }
        return pictures;
    }

    [Test]
    public void Every_answer_is_the_rules_own_of_the_picture_as_it_is_shown()
    {
        var pictures = Pictures();
        var questions = new PictureQuestions(pictures);
        var image = new float[Scene.ImageLength];
        HashSet<Prompt> asked = [];
        var (mirrored, passing) = (0, 0);
        for (var draw = 0; draw < 300; draw++)
        {
            var stream = RandomStream.For(5, draw, 0, RandomPurpose.Data);
            var (first, second) = questions.Pair(stream);
            Assert.That((first.Passes, second.Passes), Is.EqualTo((true, false)));
            Assert.That(second.Prompt, Is.EqualTo(first.Prompt));
            foreach (var question in new[] { first, second, questions.Single(stream) })
            {
                pictures.CopyTo(question.Picture, image, question.IsMirrored);
                Assert.That(
                    RuleEvaluator.Judge(question.Prompt, image).Correct,
                    Is.EqualTo(question.Passes),
                    question.ToString()
                );
                Assert.That(PromptSets.IsHeldOut(question.Prompt), Is.False, question.Prompt.Text);
                asked.Add(question.Prompt);
                mirrored += question.IsMirrored ? 1 : 0;
                passing += question.Passes ? 1 : 0;
            }
        }
        using (Assert.EnterMultipleScope())
        {
            // Several times as many prompts as were painted, in several wordings.
            Assert.That(asked.Select(prompt => prompt.Canonical).Distinct().Count(), Is.GreaterThan(10));
            Assert.That(asked.Select(prompt => prompt.Wording).Distinct().Count(), Is.GreaterThan(3));
            Assert.That(mirrored, Is.InRange(200, 700));
            Assert.That(passing, Is.InRange(300, 700));
        }
    }

    [Test]
    public void Pictures_that_all_pass_or_all_fail_have_no_pairs()
    {
        var prompt = Prompt.Parse("a photo of a circle");
        var pictures = new JudgedPictures();
        for (var copy = 0; copy < 2; copy++)
        {
            pictures.Add([prompt], new float[Scene.ImageLength], [Verdict.Fail("nothing there")]);
        }
        Assert.That(new PictureQuestions(pictures).HasPairs, Is.False);
    }
}
