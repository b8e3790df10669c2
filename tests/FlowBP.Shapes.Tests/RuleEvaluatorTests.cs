// The evaluator is the reference of every claim about accuracy, so it is checked both ways: it must pass pictures that
// are right by construction, and fail pictures that are wrong by a single edit.
using FlowBP.RandomStreams;

namespace FlowBP.Shapes.Tests;

public sealed class RuleEvaluatorTests
{
    private const int Samples = 3000;

    [Test]
    public void Nearly_every_picture_rendered_from_the_truth_is_correct([Values] GenEvalTask task)
    {
        var wrong = new List<string>();
        for (var i = 0; i < Samples / 6; i++)
        {
            var stream = RandomStream.For(101, (long)task, i, RandomPurpose.Data);
            var prompt = PromptSets.Draw(stream, PromptSplit.All, task);
            var verdict = RuleEvaluator.Judge(prompt, Renderer.Render(SceneSampler.Sample(stream, prompt)));
            if (!verdict.Correct)
            {
                wrong.Add($"{prompt}: {verdict.Reason}");
            }
        }
        TestContext.Out.WriteLine($"{task}: {wrong.Count} wrong");
        Assert.That(wrong, Has.Count.LessThanOrEqualTo(Samples / 6 * 0.005), string.Join("\n", wrong));
    }

    [Test]
    public void Hardly_any_picture_that_violates_its_prompt_by_one_edit_is_correct([Values] GenEvalTask task)
    {
        var passed = new List<string>();
        for (var i = 0; i < Samples / 6; i++)
        {
            var stream = RandomStream.For(202, (long)task, i, RandomPurpose.Data);
            var prompt = PromptSets.Draw(stream, PromptSplit.All, task);
            (var scene, var edit) = SceneEdits.Violate(stream, prompt, SceneSampler.Sample(stream, prompt));
            if (RuleEvaluator.Judge(prompt, Renderer.Render(scene)).Correct)
            {
                passed.Add($"{prompt}: {edit}");
            }
        }
        TestContext.Out.WriteLine($"{task}: {passed.Count} passed");
        Assert.That(passed, Has.Count.LessThanOrEqualTo(Samples / 6 * 0.01), string.Join("\n", passed));
    }

    [Test]
    public void Blur_and_noise_leave_most_verdicts_as_they_are()
    {
        var correct = 0;
        for (var i = 0; i < 500; i++)
        {
            var stream = RandomStream.For(303, 0, i, RandomPurpose.Data);
            var prompt = PromptSets.Draw(stream, PromptSplit.All);
            var image = Renderer.Render(SceneSampler.Sample(stream, prompt));
            Augmentation.Blur(image, Scene.Size);
            Augmentation.AddNoise(image, stream, 0.03f);
            correct += RuleEvaluator.Judge(prompt, image).Correct ? 1 : 0;
        }
        TestContext.Out.WriteLine($"{correct} of 500 correct");
        Assert.That(correct, Is.GreaterThanOrEqualTo(480));
    }

    [Test]
    public void Detection_recovers_places_sizes_and_names()
    {
        for (var i = 0; i < 300; i++)
        {
            var stream = RandomStream.For(404, 0, i, RandomPurpose.Data);
            var scene = SceneSampler.Sample(stream, PromptSets.Draw(stream, PromptSplit.All));
            var detection = ObjectDetector.Detect(Renderer.Render(scene));
            Assert.That(detection.Objects, Has.Count.EqualTo(scene.Objects.Length));
            foreach (var truth in scene.Objects)
            {
                var found = detection.Objects.MinBy(o => MathF.Abs(o.X - truth.X) + MathF.Abs(o.Y - truth.Y));
                Assert.Multiple(() =>
                {
                    Assert.That(found.Shape, Is.EqualTo(truth.Shape));
                    Assert.That(found.Colour, Is.EqualTo(truth.Colour));
                    Assert.That(found.X, Is.EqualTo(truth.X).Within(0.25));
                    Assert.That(found.Y, Is.EqualTo(truth.Y).Within(0.25));
                    Assert.That(found.Radius, Is.EqualTo(truth.Radius).Within(0.5));
                });
            }
        }
    }

    [Test]
    public void Verdicts_don_t_depend_on_resolution()
    {
        for (var i = 0; i < 100; i++)
        {
            var stream = RandomStream.For(505, 0, i, RandomPurpose.Data);
            var prompt = PromptSets.Draw(stream, PromptSplit.All);
            var image = Renderer.Render(SceneSampler.Sample(stream, prompt), scale: 4);
            var verdict = RuleEvaluator.Judge(prompt, image, side: 128);
            Assert.That(verdict.Correct, Is.True, $"{prompt}: {verdict.Reason}");
        }
    }

    [TestCase(0.5f)]
    [TestCase(float.NaN)]
    [TestCase(float.PositiveInfinity)]
    public void A_picture_of_nothing_shows_nothing(float value)
    {
        var image = new float[Scene.ImageLength];
        Array.Fill(image, value);
        var verdict = RuleEvaluator.Judge(Prompt.Parse("a photo of a circle"), image);
        Assert.That(verdict, Is.EqualTo(Verdict.Fail("0 objects, expected 1: nothing")));
    }

    [Test]
    public void A_blot_is_no_object_of_any_shape()
    {
        // A red bar across the picture: large, connected, and like none of the outlines.
        var image = new float[Scene.ImageLength];
        image.AsSpan(10 * 32, 5 * 32).Fill(1);
        var verdict = RuleEvaluator.Judge(Prompt.Parse("a photo of a square"), image);
        Assert.That(verdict, Is.EqualTo(Verdict.Fail("a coloured region of no known shape")));
    }

    [Test]
    public void Reasons_name_what_is_wrong()
    {
        static SceneObject Thing(ShapeKind shape, ShapeColour colour, float x) => new(shape, colour, x, 16, 5);
        Scene scene = new(
            [Thing(ShapeKind.Circle, ShapeColour.Red, 24), Thing(ShapeKind.Square, ShapeColour.Blue, 8)],
            new(new(0.8f, 0.8f, 0.8f), new(0.8f, 0.8f, 0.8f), 1, 0)
        );
        var image = Renderer.Render(scene);
        string Reason(string prompt) => RuleEvaluator.Judge(Prompt.Parse(prompt), image).Reason;
        Assert.Multiple(() =>
        {
            Assert.That(Reason("a photo of a circle right of a square"), Is.EqualTo("correct"));
            Assert.That(
                Reason("a photo of a circle left of a square"),
                Is.EqualTo("the circle is not left of the square")
            );
            Assert.That(
                Reason("a photo of a circle above a square"),
                Is.EqualTo("the circle is not above the square"),
                "the objects are level: within the margin"
            );
            Assert.That(
                Reason("a photo of a blue circle and a square"),
                Is.EqualTo("a blue square and a red circle, expected a blue circle and a square")
            );
            Assert.That(Reason("a photo of a circle"), Does.StartWith("2 objects, expected 1"));
        });
    }

    [Test]
    public void A_batch_is_judged_picture_by_picture()
    {
        var batch = ShapesBatch.Sample(7, 0, 16, new() { ViolatingImages = true });
        var right = RuleEvaluator.Judge(batch.Prompts, batch.Images);
        var wrong = RuleEvaluator.Judge(batch.Prompts, batch.ViolatingImages);
        Assert.That(right.Count(v => v.Correct), Is.EqualTo(16));
        Assert.That(wrong.Count(v => v.Correct), Is.EqualTo(0));
        Assert.That(
            () => RuleEvaluator.Judge(batch.Prompts, batch.Images.AsMemory(1)),
            Throws.ArgumentException.With.Message.Contains("16 prompts need")
        );
    }
}
