// Pictures of fixed prompts from fixed noise, and what every judge says of them. The judges get a batch as soon as it is painted;
// only what is shown to people outlives it.

using FlowBP.Families;
using FlowBP.RandomStreams;
using FlowBP.Surrogates;
using FlowBP.Training.Pipelines;

namespace FlowBP.Training.Evaluation;

/// <summary>Evaluates a model on fixed prompts.</summary>
/// <param name="prompts">The prompts.</param>
/// <param name="judges">Who is asked, the training reward first.</param>
/// <param name="steps">Euler steps.</param>
/// <param name="seed">Seed of the noise; picture n of prompt p always starts from the same noise.</param>
/// <param name="imagesPerPrompt">Pictures of each prompt.</param>
/// <param name="batchSize">Pictures painted and judged at once; null: as many as <see cref="PictureBatch"/> says.</param>
/// <param name="notice">Hears, once each, why a judge says nothing of pictures of this size; null: nobody.</param>
public sealed class ImageEvaluator(
    IReadOnlyList<string> prompts,
    IReadOnlyList<IPictureJudge> judges,
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

    private readonly HashSet<string> noticed = [];

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
        var asked = Asked(size);
        var scores = asked.Select(_ => new List<double>()).ToArray();
        var shown = new List<ShownPicture>();
        var pictures = Enumerable.Range(0, copies).SelectMany(copy => chosen.Select(prompt => (Prompt: prompt, copy)));
        foreach (var part in pictures.Chunk(batchSize ?? PictureBatch.Of(size.Height, size.Width)))
        {
            cancellation.ThrowIfCancellationRequested();
            using var scope = torch.NewDisposeScope();
            using var noGrad = torch.no_grad();
            string[] texts = [.. part.Select(picture => Prompts[picture.Prompt])];
            var image_BCYX = Paint(model, texts, part);
            var judged = asked.Select(judge => judge.Score(image_BCYX, texts).ToArray()).ToArray();
            foreach (var (list, added) in scores.Zip(judged))
            {
                list.AddRange(added);
            }
            foreach (var (b, (prompt, copy)) in part.Index())
            {
                if (copy == 0 && Shown.Contains(prompt))
                {
                    var planes = image_BCYX[b].cpu().contiguous().data<float>().ToArray();
                    shown.Add(new(texts[b], planes, [.. judged.Select(of => of[b])]));
                }
            }
        }
        string[] prompts = [.. chosen.Select(prompt => Prompts[prompt])];
        return new()
        {
            Prompts = prompts,
            Judgements =
            [
                .. asked.Zip(
                    scores,
                    (judge, of) => new Judgement(judge.Metric, judge.IsShare, [.. of], judge.Groups(prompts))
                ),
            ],
            Shown = shown,
            Height = size.Height,
            Width = size.Width,
        };
    }

    private Tensor Paint(TextToImage model, string[] texts, (int Prompt, int Copy)[] pictures)
    {
        using var conditioning = model.Painter.Encode(texts);
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
        return model.Painter.Paint(noise_BCYX, conditioning, steps, texts);
    }

    private IPictureJudge[] Asked(ImageSize size)
    {
        var asked = new List<IPictureJudge>();
        foreach (var judge in judges)
        {
            if (judge.Objection(size) is not { } objection)
            {
                asked.Add(judge);
            }
            else if (noticed.Add(objection))
            {
                notice?.Invoke(objection);
            }
        }
        return [.. asked];
    }
}
