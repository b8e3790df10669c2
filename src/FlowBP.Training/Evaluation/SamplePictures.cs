// Pictures for people: the same prompts from the same noise at every look, so that what changes is the model.

using FlowBP.Models.Formats;
using FlowBP.Shapes.Pictures;
using FlowBP.Training.Pipelines;

namespace FlowBP.Training.Evaluation;

/// <summary>Draws labelled grids of a few fixed evaluation prompts.</summary>
/// <param name="evaluator">The evaluation that the prompts are taken from.</param>
/// <param name="title">First words of every title, such as the method's name.</param>
public sealed class SamplePictures(ImageEvaluator evaluator, string title)
{
    private const int Pictures = 12;
    private const int PerRow = 6;

    // Evenly taken: the lists are ordered by task, so every task is seen.
    private readonly int[] chosen =
    [
        .. Enumerable
            .Range(0, Math.Min(Pictures, evaluator.Prompts.Count))
            .Select(i => (int)((i + 0.5) * evaluator.Prompts.Count / Math.Min(Pictures, evaluator.Prompts.Count))),
    ];

    /// <summary>Draws the chosen prompts with a model.</summary>
    public EvaluationResult Draw(TextToImage model) => evaluator.Run(model, chosen);

    /// <summary>Writes the grid of one moment of a run.</summary>
    /// <param name="path">The PNG file.</param>
    /// <param name="step">Updates made.</param>
    /// <param name="result">What <see cref="Draw"/>, or an evaluation of all prompts, returned.</param>
    public void Write(string path, int step, EvaluationResult result)
    {
        ImageGridCell[] cells = [.. Cells(result)];
        Save(
            path,
            new ImageGrid
            {
                Title = $"{title}, step {step}",
                Subtitle = "held-out prompts; under each picture the prompt and the training reward",
                Rows = [.. cells.Chunk(PerRow)],
                Side = result.Side,
            }
        );
    }

    /// <summary>Writes the two models' pictures row under row.</summary>
    /// <param name="path">The PNG file.</param>
    /// <param name="before">The base model's evaluation.</param>
    /// <param name="after">The aligned model's evaluation.</param>
    public void WriteComparison(string path, EvaluationResult before, EvaluationResult after)
    {
        ImageGridCell[][] rows =
        [
            .. Cells(before).Chunk(PerRow).Zip(Cells(after).Chunk(PerRow)).SelectMany(p => new[] { p.First, p.Second }),
        ];
        Save(
            path,
            new ImageGrid
            {
                Title = $"{title}: before and after",
                Subtitle =
                    "the same prompts from the same noise; under each picture the prompt and the training reward",
                Rows = rows,
                RowHeaders = [.. rows.Select((_, r) => r % 2 == 0 ? "base" : "aligned")],
                Side = before.Side,
            }
        );
    }

    private IEnumerable<ImageGridCell> Cells(EvaluationResult result)
    {
        var length = 3 * result.Side * result.Side;
        var all = result.Prompts.Count == evaluator.Prompts.Count;
        for (var i = 0; i < chosen.Length; i++)
        {
            // A full evaluation is indexed by prompt, a drawing of the chosen ones by position.
            var at = all ? chosen[i] : i;
            yield return new ImageGridCell(result.Images.AsMemory(at * length, length))
            {
                Caption = $"{result.Prompts[at]} {result.Reward[at]:F3}",
                Correct = result.Rules?[at].Correct,
            };
        }
    }

    private static void Save(string path, ImageGrid grid) =>
        AtomicFile.Write(path, stream => stream.Write(Png.Encode(grid.Draw())));
}
