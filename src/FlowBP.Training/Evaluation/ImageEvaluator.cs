// Pictures of fixed prompts from fixed noise, and what every judge says of them: the training reward, the held-out reward,
// and, where prompts and pictures are of the embedded world, its rules. The judges get a batch as soon as it is painted; only
// what is shown to people outlives it.

using FlowBP.Families;
using FlowBP.RandomStreams;
using FlowBP.Shapes;
using FlowBP.Surrogates;
using FlowBP.Training.Pipelines;
using FlowBP.Training.Rewards;

namespace FlowBP.Training.Evaluation;

/// <summary>Evaluates a model on fixed prompts.</summary>
/// <param name="prompts">The prompts.</param>
/// <param name="reward">The training reward.</param>
/// <param name="heldOut">The held-out reward, or null.</param>
/// <param name="steps">Euler steps.</param>
/// <param name="seed">Seed of the noise; picture n of prompt p always starts from the same noise.</param>
/// <param name="imagesPerPrompt">Pictures of each prompt.</param>
/// <param name="batchSize">Pictures painted and judged at once; null: as many as <see cref="PictureBatch"/> says.</param>
/// <param name="notice">Hears, once, why the rules say nothing of prompts that they would understand; null: nobody.</param>
public sealed class ImageEvaluator(
    IReadOnlyList<string> prompts,
    IImageReward reward,
    IImageReward? heldOut,
    int steps,
    ulong seed,
    int imagesPerPrompt = 1,
    int? batchSize = null,
    Action<string>? notice = null
)
{
    private const int MostShown = 12;

    // Evaluation noise must not coincide with any training step's.
    private const long EvaluationStep = RandomStream.AddressLimit - 1;

    private readonly Prompt[]? meanings = Meanings(prompts);

    private bool hasNoticed;

    /// <summary>The prompts.</summary>
    public IReadOnlyList<string> Prompts { get; } = prompts;

    /// <summary>
    /// Indices of the prompts of which a picture is kept. They are evenly taken: lists are ordered by task, so every task is
    /// seen.
    /// </summary>
    public IReadOnlyList<int> Shown { get; } =
    [
        .. Enumerable
            .Range(0, Math.Min(MostShown, prompts.Count))
            .Select(i => (int)((i + 0.5) * prompts.Count / Math.Min(MostShown, prompts.Count))),
    ];

    /// <summary>Paints all pictures of all prompts and asks all judges.</summary>
    /// <param name="model">The model.</param>
    /// <param name="cancellation">Stops between two batches.</param>
    /// <exception cref="OperationCanceledException">The evaluation was cancelled.</exception>
    /// <exception cref="NonFiniteException">A picture, or what a judge says of it, is not finite.</exception>
    public EvaluationResult Run(TextToImage model, CancellationToken cancellation = default) =>
        Run(model, [.. Enumerable.Range(0, Prompts.Count)], imagesPerPrompt, cancellation);

    /// <summary>Paints only what is shown; these are the pictures that <see cref="Run(TextToImage, CancellationToken)"/> keeps.</summary>
    /// <param name="model">The model.</param>
    /// <param name="cancellation">Stops between two batches.</param>
    /// <exception cref="OperationCanceledException">The evaluation was cancelled.</exception>
    /// <exception cref="NonFiniteException">A picture, or what a judge says of it, is not finite.</exception>
    public EvaluationResult Draw(TextToImage model, CancellationToken cancellation = default) =>
        Run(model, Shown, copies: 1, cancellation);

    private EvaluationResult Run(
        TextToImage model,
        IReadOnlyList<int> chosen,
        int copies,
        CancellationToken cancellation
    )
    {
        var size = model.PictureSize;
        var asked = MeaningsAt(size);
        var scores = new List<double>();
        var heldOutScores = new List<double>();
        var verdicts = new List<Verdict>();
        var shown = new List<ShownPicture>();
        var pictures = Enumerable.Range(0, copies).SelectMany(copy => chosen.Select(prompt => (Prompt: prompt, copy)));
        foreach (var part in pictures.Chunk(batchSize ?? PictureBatch.Of(size.Height, size.Width)))
        {
            cancellation.ThrowIfCancellationRequested();
            using var scope = torch.NewDisposeScope();
            using var noGrad = torch.no_grad();
            var first = scores.Count;
            string[] texts = [.. part.Select(picture => Prompts[picture.Prompt])];
            var image_BCYX = Paint(model, texts, part);
            scores.AddRange(Judge(reward, image_BCYX, texts));
            if (heldOut is not null)
            {
                heldOutScores.AddRange(Judge(heldOut, image_BCYX, texts));
            }
            if (asked is not null)
            {
                verdicts.AddRange(
                    RuleEvaluator.Judge([.. part.Select(picture => asked[picture.Prompt])], Planes(image_BCYX))
                );
            }
            foreach (var (b, (prompt, copy)) in part.Index())
            {
                if (copy == 0 && Shown.Contains(prompt))
                {
                    shown.Add(
                        new(
                            texts[b],
                            Planes(image_BCYX[b]),
                            scores[first + b],
                            asked is null ? null : verdicts[first + b]
                        )
                    );
                }
            }
        }
        return new()
        {
            Prompts = [.. chosen.Select(prompt => Prompts[prompt])],
            Reward = [.. scores],
            HeldOutReward = heldOut is null ? null : [.. heldOutScores],
            Rules = asked is null ? null : [.. verdicts],
            Tasks = asked is null ? null : [.. chosen.Select(prompt => asked[prompt].Task)],
            Shown = shown,
            Height = size.Height,
            Width = size.Width,
        };
    }

    private Tensor Paint(TextToImage model, string[] texts, (int Prompt, int Copy)[] pictures)
    {
        using var conditioning = model.Encode(texts);
        using var noise_BCYX = torch.cat([
            .. pictures.Select(picture =>
                Noise.Of(
                    model.LatentShape,
                    1,
                    seed,
                    EvaluationStep,
                    picture.Copy * (long)Prompts.Count + picture.Prompt
                )
            ),
        ]);
        return model.Paint(noise_BCYX, conditioning, steps, texts);
    }

    // Null where the rules have nothing to say: prompts, or pictures, of another world.
    private Prompt[]? MeaningsAt(ImageSize size)
    {
        if (meanings is null || size == new ImageSize(Scene.Size, Scene.Size))
        {
            return meanings;
        }
        if (!hasNoticed)
        {
            hasNoticed = true;
            notice?.Invoke(
                $"no rule accuracy: the rules judge pictures of {Scene.Size} × {Scene.Size} pixels,"
                    + $" these are {size.Height} × {size.Width}"
            );
        }
        return null;
    }

    private static double[] Judge(IImageReward judge, Tensor image_BCYX, string[] texts)
    {
        using var conditioning = judge.Encode(texts);
        var scores = judge.Score(image_BCYX, conditioning).to(ScalarType.Float64).cpu().data<double>().ToArray();
        var wrong = Array.FindIndex(scores, score => !double.IsFinite(score));
        return wrong < 0
            ? scores
            : throw new NonFinitePictureException(
                $"score by the reward {judge.Name} of the picture",
                texts[wrong],
                "the picture is finite, so the judge is at fault: compute it in a wider type (reward_dtype), or take another one"
            );
    }

    private static float[] Planes(Tensor image) => image.cpu().contiguous().data<float>().ToArray();

    // All of them, or none: an accuracy over some of the prompts would be misread.
    private static Prompt[]? Meanings(IReadOnlyList<string> prompts)
    {
        var parsed = new List<Prompt>();
        foreach (var text in prompts)
        {
            if (!Prompt.TryParse(text, out var prompt))
            {
                return null;
            }
            parsed.Add(prompt);
        }
        return [.. parsed];
    }
}
