// Pictures of fixed prompts from fixed noise, and what every judge says of them: the training reward, the held-out reward,
// and, where the prompts are of the embedded world, its rules.

using FlowBP.Kernels;
using FlowBP.Shapes;
using FlowBP.Training.Pipelines;
using FlowBP.Training.Rewards;

namespace FlowBP.Training.Evaluation;

/// <summary>What the judges say of one model, one entry per prompt.</summary>
public sealed record EvaluationResult
{
    /// <summary>The prompts.</summary>
    public required IReadOnlyList<string> Prompts { get; init; }

    /// <summary>Scores of the training reward.</summary>
    public required double[] Reward { get; init; }

    /// <summary>Scores of the held-out reward; null without one.</summary>
    public double[]? HeldOutReward { get; init; }

    /// <summary>Verdicts of the rules; null where a prompt is not of the embedded world.</summary>
    public Verdict[]? Rules { get; init; }

    /// <summary>GenEval's task of each prompt; null with <see cref="Rules"/>.</summary>
    public GenEvalTask[]? Tasks { get; init; }

    /// <summary>RGB planes of every picture, [P, 3, Y, X] in [0, 1].</summary>
    public required float[] Images { get; init; }

    /// <summary>Pixels per side.</summary>
    public required int Side { get; init; }

    /// <summary>Share of the prompts that the rules find satisfied, in [0, 1]; null without rules.</summary>
    public double? Accuracy => Rules?.Average(verdict => verdict.Correct ? 1.0 : 0.0);
}

/// <summary>Evaluates a model on fixed prompts.</summary>
/// <param name="prompts">The prompts.</param>
/// <param name="reward">The training reward.</param>
/// <param name="heldOut">The held-out reward, or null.</param>
/// <param name="steps">Euler steps.</param>
/// <param name="seed">Seed of the noise; prompt p always starts from the same noise.</param>
public sealed class ImageEvaluator(
    IReadOnlyList<string> prompts,
    IImageReward reward,
    IImageReward? heldOut,
    int steps,
    ulong seed
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
    /// Indices of the prompts that are drawn; null: all. A prompt's noise does not depend on which others are drawn.
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
        var scores = new List<double>();
        var heldOutScores = new List<double>();
        var images = new List<float>();
        var side = 0;
        foreach (var part in chosen.Chunk(BatchSize))
        {
            cancellation.ThrowIfCancellationRequested();
            using var scope = torch.NewDisposeScope();
            using var noGrad = torch.no_grad();
            string[] texts = [.. part.Select(p => Prompts[p])];
            var image_BCYX = Draw(model, texts, part);
            side = (int)image_BCYX.size(3);
            scores.AddRange(Judge(reward, image_BCYX, texts));
            if (heldOut is not null)
            {
                heldOutScores.AddRange(Judge(heldOut, image_BCYX, texts));
            }
            images.AddRange(image_BCYX.data<float>().ToArray());
        }
        float[] pictures = [.. images];
        Prompt[]? asked = meanings is null ? null : [.. chosen.Select(p => meanings[p])];
        return new()
        {
            Prompts = [.. chosen.Select(p => Prompts[p])],
            Reward = [.. scores],
            HeldOutReward = heldOut is null ? null : [.. heldOutScores],
            Rules = asked is null ? null : RuleEvaluator.Judge(asked, pictures, side),
            Tasks = asked is null ? null : [.. asked.Select(prompt => prompt.Task)],
            Images = pictures,
            Side = side,
        };
    }

    private Tensor Draw(TextToImage model, string[] texts, int[] numbers)
    {
        using var conditioning = model.Encode(texts);
        using var noise_BCYX = torch.cat([
            .. numbers.Select(p => Noise.Of(model.LatentShape, 1, seed, EvaluationStep, p)),
        ]);
        return model.Decode(model.Sample(noise_BCYX, conditioning, steps));
    }

    private static double[] Judge(IImageReward judge, Tensor image_BCYX, string[] texts)
    {
        using var conditioning = judge.Encode(texts);
        return judge.Score(image_BCYX, conditioning).to(ScalarType.Float64).data<double>().ToArray();
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
