// Pictures of fixed prompts from fixed noise, and what every judge says of them: the training reward, the held-out reward,
// and, where the prompts are of the embedded world, its rules.

using FlowBP.Kernels;
using FlowBP.Shapes;
using FlowBP.Training.Pipelines;
using FlowBP.Training.Rewards;

namespace FlowBP.Training.Evaluation;

/// <summary>
/// What the judges say of one model, one entry per picture: picture n of prompt p is entry n·P + p, so that the first P
/// entries are one picture of each prompt.
/// </summary>
public sealed record EvaluationResult
{
    /// <summary>The prompts, P.</summary>
    public required IReadOnlyList<string> Prompts { get; init; }

    /// <summary>Scores of the training reward.</summary>
    public required double[] Reward { get; init; }

    /// <summary>Scores of the held-out reward; null without one.</summary>
    public double[]? HeldOutReward { get; init; }

    /// <summary>Verdicts of the rules; null where a prompt is not of the embedded world.</summary>
    public Verdict[]? Rules { get; init; }

    /// <summary>GenEval's task of each prompt (P entries); null with <see cref="Rules"/>.</summary>
    public GenEvalTask[]? Tasks { get; init; }

    /// <summary>RGB planes of every picture, [n·P, 3, Y, X] in [0, 1].</summary>
    public required float[] Images { get; init; }

    /// <summary>Pixels per side.</summary>
    public required int Side { get; init; }

    /// <summary>Share of the pictures that the rules find right, in [0, 1]; null without rules.</summary>
    public double? Accuracy => Rules?.Average(verdict => verdict.Correct ? 1.0 : 0.0);
}

/// <summary>Evaluates a model on fixed prompts.</summary>
/// <param name="prompts">The prompts.</param>
/// <param name="reward">The training reward.</param>
/// <param name="heldOut">The held-out reward, or null.</param>
/// <param name="steps">Euler steps.</param>
/// <param name="seed">Seed of the noise; picture n of prompt p always starts from the same noise.</param>
/// <param name="imagesPerPrompt">Pictures of each prompt.</param>
public sealed class ImageEvaluator(
    IReadOnlyList<string> prompts,
    IImageReward reward,
    IImageReward? heldOut,
    int steps,
    ulong seed,
    int imagesPerPrompt = 1
)
{
    private const int BatchSize = 32;

    // Evaluation noise must not coincide with any training step's.
    private const long EvaluationStep = RandomStream.AddressLimit - 1;

    private readonly Prompt[]? meanings = Meanings(prompts);

    /// <summary>The prompts.</summary>
    public IReadOnlyList<string> Prompts { get; } = prompts;

    /// <summary>Draws pictures and asks all judges.</summary>
    /// <param name="model">The model.</param>
    /// <param name="only">
    /// Indices of the prompts of which one picture is drawn; null: all prompts, all their pictures. A picture's noise does
    /// not depend on which others are drawn.
    /// </param>
    /// <param name="cancellation">Stops between two batches.</param>
    /// <exception cref="OperationCanceledException">The evaluation was cancelled.</exception>
    public EvaluationResult Run(
        TextToImage model,
        IReadOnlyList<int>? only = null,
        CancellationToken cancellation = default
    )
    {
        int[] chosen = only is null ? [.. Enumerable.Range(0, Prompts.Count)] : [.. only];
        var copies = only is null ? imagesPerPrompt : 1;
        (int Prompt, int Copy)[] pictures =
        [
            .. Enumerable.Range(0, copies).SelectMany(copy => chosen.Select(prompt => (prompt, copy))),
        ];
        var scores = new List<double>();
        var heldOutScores = new List<double>();
        var images = new List<float>();
        var side = 0;
        foreach (var part in pictures.Chunk(BatchSize))
        {
            cancellation.ThrowIfCancellationRequested();
            using var scope = torch.NewDisposeScope();
            using var noGrad = torch.no_grad();
            string[] texts = [.. part.Select(picture => Prompts[picture.Prompt])];
            var image_BCYX = Draw(model, texts, part);
            side = (int)image_BCYX.size(3);
            scores.AddRange(Judge(reward, image_BCYX, texts));
            if (heldOut is not null)
            {
                heldOutScores.AddRange(Judge(heldOut, image_BCYX, texts));
            }
            images.AddRange(image_BCYX.cpu().data<float>().ToArray());
        }
        float[] planes = [.. images];
        Prompt[]? asked = meanings is null ? null : [.. chosen.Select(p => meanings[p])];
        return new()
        {
            Prompts = [.. chosen.Select(p => Prompts[p])],
            Reward = [.. scores],
            HeldOutReward = heldOut is null ? null : [.. heldOutScores],
            Rules = asked is null
                ? null
                : RuleEvaluator.Judge([.. Enumerable.Repeat(asked, copies).SelectMany(all => all)], planes, side),
            Tasks = asked is null ? null : [.. asked.Select(prompt => prompt.Task)],
            Images = planes,
            Side = side,
        };
    }

    private Tensor Draw(TextToImage model, string[] texts, (int Prompt, int Copy)[] pictures)
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
        return model.Decode(model.Sample(noise_BCYX, conditioning, steps));
    }

    private static double[] Judge(IImageReward judge, Tensor image_BCYX, string[] texts)
    {
        using var conditioning = judge.Encode(texts);
        return judge.Score(image_BCYX, conditioning).to(ScalarType.Float64).cpu().data<double>().ToArray();
    }

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
