// A model paints pictures of drawn prompts, and the rules judge them. Each prompt is painted several times, with stronger and weaker
// guidance and in more and fewer steps, so that most prompts have pictures that pass and pictures that don't.

using System.Diagnostics;
using FlowBP.RandomStreams;
using FlowBP.Shapes;
using FlowBP.Training.Pipelines;

namespace FlowBP.Training.Pretraining;

/// <summary>How pictures for judged rewards are painted.</summary>
/// <param name="Prompts">Prompts drawn; a prompt may be drawn twice.</param>
/// <param name="Batch">Prompts painted at once.</param>
public sealed record PaintingRecipe(int Prompts, int Batch = 64)
{
    /// <summary>Guidance scale and Euler steps of each picture of a prompt.</summary>
    public IReadOnlyList<(double Guidance, int Steps)> Pictures { get; init; } =
    [(3, 16), (3, 10), (2, 12), (4, 12), (3, 12), (5, 12), (1.5, 8), (3, 8)];
}

/// <summary>Paints and judges.</summary>
/// <param name="model">The folder of the model.</param>
/// <param name="report">Receives the progress, the share of pictures that pass in the place of a loss.</param>
internal sealed class PicturePainting(string model, Action<PretrainingProgress> report)
{
    /// <summary>Paints pictures of drawn prompts.</summary>
    /// <param name="recipe">How many and how.</param>
    /// <param name="split">Where the prompts come from.</param>
    /// <param name="seed">Seed of prompts and noise.</param>
    /// <param name="stage">Name of the stage, for reports.</param>
    public JudgedPictures Run(PaintingRecipe recipe, PromptSplit split, ulong seed, string stage)
    {
        var watch = Stopwatch.StartNew();
        var order = RandomStream.For(seed, 0, 0, RandomPurpose.PromptOrder);
        Prompt[] prompts =
        [
            .. Enumerable
                .Range(0, recipe.Prompts)
                .Select(_ => PromptSets.Draw(order, split).In(PromptWording.Draw(order))),
        ];
        var pictures = new JudgedPictures();
        var painted = 0;
        var total = recipe.Prompts * recipe.Pictures.Count;
        foreach (var kind in recipe.Pictures.Select((of, copy) => (of.Guidance, of.Steps, Copy: copy)))
        {
            using var loaded = new TextToImage(new ModelSettings { Model = model, CfgGuidance = kind.Guidance });
            foreach (var part in prompts.Chunk(recipe.Batch))
            {
                using var scope = torch.NewDisposeScope();
                using var noGrad = torch.no_grad();
                string[] texts = [.. part.Select(prompt => prompt.Text)];
                using var conditioning = loaded.Painter.Encode(texts);
                var noise_BCYX = Noise.Of(loaded.LatentShape, part.Length, seed, kind.Copy, painted);
                var image_BCYX = loaded.Painter.Paint(noise_BCYX, conditioning, kind.Steps, texts);
                var planes = image_BCYX.contiguous().data<float>().ToArray();
                pictures.Add(part, planes, RuleEvaluator.Judge(part, planes));
                painted += part.Length;
                report(new(stage, painted, total, pictures.Passes.Average(pass => pass ? 1 : 0), watch.Elapsed));
            }
        }
        return pictures;
    }
}
