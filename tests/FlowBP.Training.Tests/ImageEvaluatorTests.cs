using FlowBP.Families;
using FlowBP.Pictures;
using FlowBP.Shapes;
using FlowBP.Surrogates;
using FlowBP.Training.Evaluation;
using FlowBP.Training.Pipelines;
using FlowBP.Training.Rewards;
using FlowBP.Training.Runs;

namespace FlowBP.Training.Tests;

/// <summary>An evaluation keeps what it shows, whatever the number and the size of the pictures that it judges.</summary>
public class ImageEvaluatorTests
{
    private const int Copies = 3;

    private static readonly string[] Prompts = [.. PromptFile.Read(EmbeddedAssets.TestPrompts).Take(20)];

    private readonly List<string> notices = [];

    [SetUp]
    public void Forget() => notices.Clear();

    [Test]
    public void Judges_get_batches_and_a_dozen_pictures_are_kept()
    {
        using var model = new TextToImage(ModelFolder.At(EmbeddedAssets.Model, 1));
        var judge = new Brightness();
        var result = Evaluator(judge, batchSize: 7).Run(model);

        Assert.That(judge.Batches.Sum(), Is.EqualTo(Prompts.Length * Copies));
        Assert.That(judge.Batches, Is.All.InRange(1, 7));
        Assert.That(Reward(result), Has.Length.EqualTo(Prompts.Length * Copies));
        var rules = result.Of("rule_accuracy")!;
        Assert.That(rules.Scores, Has.Length.EqualTo(Prompts.Length * Copies));
        Assert.That(rules.Scores, Is.All.EqualTo(0.0).Or.EqualTo(1.0));
        Assert.That(
            rules.Groups.SelectMany(group => group.Prompts).Order(),
            Is.EqualTo(Enumerable.Range(0, Prompts.Length))
        );
        Assert.That(result.Shown, Has.Count.EqualTo(12));
        Assert.That(result.Shown.Sum(picture => picture.Planes.Length), Is.EqualTo(12 * 3 * 32 * 32));
        foreach (var picture in result.Shown)
        {
            // The first copy of its prompt, and the judge's word on no other.
            var at = Array.IndexOf(Prompts, picture.Prompt);
            Assert.That(picture.Scores, Is.EqualTo(new[] { Reward(result)[at], rules.Scores[at] }));
            Assert.That(picture.Scores[0], Is.EqualTo(picture.Planes.Average()).Within(1e-5));
            Assert.That(
                picture.Scores[1] == 1,
                Is.EqualTo(RuleEvaluator.Judge(Prompt.Parse(picture.Prompt), picture.Planes).Correct)
            );
        }
        Assert.That(notices, Is.Empty);
    }

    [Test]
    public void The_size_of_a_batch_changes_no_picture()
    {
        using var model = new TextToImage(ModelFolder.At(EmbeddedAssets.Model, 1));
        var few = Evaluator(new Brightness(), batchSize: 5).Run(model);
        var usual = Evaluator(new Brightness(), batchSize: null).Run(model);
        var drawn = Evaluator(new Brightness(), batchSize: 1).Draw(model);

        Assert.That(Reward(few), Is.EqualTo(Reward(usual)).Within(1e-5));
        Assert.That(drawn.Prompts, Is.EqualTo(usual.Shown.Select(picture => picture.Prompt)));
        foreach (var (mine, reference) in few.Shown.Zip(usual.Shown).Concat(drawn.Shown.Zip(usual.Shown)))
        {
            Assert.That(mine.Prompt, Is.EqualTo(reference.Prompt));
            Assert.That(mine.Planes, Is.EqualTo(reference.Planes).Within(1e-4));
        }
    }

    [Test]
    public void Pictures_of_another_size_have_no_rule_accuracy_and_the_reason_is_said_once()
    {
        using var model = new TextToImage(ModelFolder.At(EmbeddedAssets.Model, 1, new ImageSize(16, 32)));
        var evaluator = Evaluator(new Brightness(), batchSize: null);
        var result = evaluator.Run(model);
        evaluator.Draw(model);
        using var folder = new TemporaryFolder();
        var pictures = new SamplePictures("test");
        pictures.Write(folder.Of("step.png"), 0, result);
        pictures.WriteComparison(folder.Of("both.png"), result, result);
        var (step, both) = (PictureFile.Load(folder.Of("step.png")), PictureFile.Load(folder.Of("both.png")));

        // Six cells of 6 times the pixels and a frame, gaps of 16, margins of 24; rows have captions.
        Assert.That(step.Width, Is.EqualTo(6 * (6 * 32 + 2) + 5 * 16 + 2 * 24));
        Assert.That(both.Width, Is.GreaterThan(step.Width));
        Assert.That(both.Height - step.Height, Is.GreaterThan(2 * (6 * 16 + 2 + 16)));
        Assert.That((result.Height, result.Width), Is.EqualTo((16, 32)));
        Assert.That(result.Shown.Select(picture => picture.Planes.Length), Is.All.EqualTo(3 * 16 * 32));
        Assert.That(result.Judgements.Select(judgement => judgement.Metric), Is.EqualTo(new[] { "reward" }));
        Assert.That(result.Shown.Select(picture => picture.Scores.Count), Is.All.EqualTo(1));
        Assert.That(
            notices,
            Is.EqualTo(new[] { "no rule accuracy: the rules judge pictures of 32 × 32 pixels, these are 16 × 32" })
        );
    }

    [TestCase(float.NaN)]
    [TestCase(float.PositiveInfinity)]
    [TestCase(float.NegativeInfinity)]
    public void A_score_that_is_not_finite_is_named_with_its_judge_and_its_prompt(float score)
    {
        using var model = new TextToImage(ModelFolder.At(EmbeddedAssets.Model, 1));
        var wrong = new Brightness { Instead = (At: 3, score) };
        foreach (
            var (judge, heldOut) in new (IImageReward, IImageReward?)[] { (wrong, null), (new Brightness(), wrong) }
        )
        {
            var evaluator = new ImageEvaluator(
                Prompts,
                PictureJudges.Of(Prompts, judge, heldOut),
                steps: 1,
                seed: 3,
                batchSize: 5
            );
            var failure = Assert.Throws<NonFinitePictureException>(() => evaluator.Run(model));
            Assert.That(failure.Prompt, Is.EqualTo(Prompts[3]));
            Assert.That(failure.Message, Does.Contain("the reward brightness").And.Contains(Prompts[3]));
        }
    }

    [Test]
    public void A_picture_that_is_not_finite_is_named_and_shown_to_no_judge([Values] bool onlyDrawn)
    {
        using var model = new TextToImage(ModelFolder.At(EmbeddedAssets.Model, 1));
        using (torch.no_grad())
        {
            model.Model.Vae.parameters().Last().fill_(float.NaN);
            model.Model.Vae.parameters().First().fill_(float.NaN);
        }
        var judge = new Brightness();
        var evaluator = Evaluator(judge, batchSize: 4);
        var failure = Assert.Throws<NonFinitePictureException>(() =>
            _ = onlyDrawn ? evaluator.Draw(model) : evaluator.Run(model)
        );
        Assert.That(failure.Quantity, Is.EqualTo("decoded picture"));
        Assert.That(failure.Message, Does.Contain(onlyDrawn ? Prompts[evaluator.Shown[0]] : Prompts[0]));
        Assert.That(judge.Batches, Is.Empty);
    }

    [TestCase(32, 32, 32)]
    [TestCase(181, 181, 32)]
    [TestCase(256, 256, 16)]
    [TestCase(512, 512, 4)]
    [TestCase(512, 768, 2)]
    [TestCase(1024, 1024, 1)]
    [TestCase(4096, 4096, 1)]
    public void Batches_are_bounded_by_pixels(int height, int width, int expected) =>
        Assert.That(PictureBatch.Of(height, width), Is.EqualTo(expected));

    private ImageEvaluator Evaluator(IImageReward judge, int? batchSize) =>
        new(
            Prompts,
            PictureJudges.Of(Prompts, judge, heldOut: null),
            steps: 2,
            seed: 3,
            Copies,
            batchSize,
            notices.Add
        );

    private static double[] Reward(EvaluationResult result) => result.Of(RewardJudge.Training)!.Scores;

    /// <summary>Mean of all pixels: what a test can check against the picture alone.</summary>
    private sealed class Brightness : IImageReward
    {
        public List<int> Batches { get; } = [];

        public (int At, float Score)? Instead { get; init; }

        public string Name => "brightness";

        public Conditioning Encode(IReadOnlyCollection<string> prompts) => new("none", torch.zeros(prompts.Count));

        public Tensor Score(Tensor image_BCYX, Conditioning conditioning)
        {
            Batches.Add((int)image_BCYX.shape[0]);
            var score_B = image_BCYX.flatten(1).mean([1]);
            if (Instead is { } wrong)
            {
                score_B[wrong.At] = torch.tensor(wrong.Score);
            }
            return score_B;
        }

        public void Dispose() { }
    }
}
