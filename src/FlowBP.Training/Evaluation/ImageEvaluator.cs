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

    /// <summary>Draws all pictures and asks all judges.</summary>
    public EvaluationResult Run(TextToImage model)
    {
        var scores = new List<double>();
        var heldOutScores = new List<double>();
        var images = new List<float>();
        var side = 0;
        for (var first = 0; first < Prompts.Count; first += BatchSize)
        {
            using var scope = torch.NewDisposeScope();
            using var noGrad = torch.no_grad();
            List<string> part = [.. Prompts.Skip(first).Take(BatchSize)];
            var image_BCYX = Draw(model, part, first);
            side = (int)image_BCYX.size(3);
            scores.AddRange(Judge(reward, image_BCYX, part));
            if (heldOut is not null)
            {
                heldOutScores.AddRange(Judge(heldOut, image_BCYX, part));
            }
            images.AddRange(image_BCYX.data<float>().ToArray());
        }
        float[] pictures = [.. images];
        return new()
        {
            Prompts = Prompts,
            Reward = [.. scores],
            HeldOutReward = heldOut is null ? null : [.. heldOutScores],
            Rules = meanings is null ? null : RuleEvaluator.Judge(meanings, pictures, side),
            Tasks = meanings is null ? null : [.. meanings.Select(prompt => prompt.Task)],
            Images = pictures,
            Side = side,
        };
    }

    private Tensor Draw(TextToImage model, List<string> part, int first)
    {
        using var conditioning = model.Encode(part);
        var noise_BCYX = Noise.Of(model.LatentShape, part.Count, seed, EvaluationStep, first);
        return model.Decode(model.Sample(noise_BCYX, conditioning, steps));
    }

    private static double[] Judge(IImageReward judge, Tensor image_BCYX, List<string> part)
    {
        using var conditioning = judge.Encode(part);
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
