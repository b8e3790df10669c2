// Pictures for people: the same prompts from the same noise at every look, so that what changes is the model.

using FlowBP.Formats;
using FlowBP.Pictures;

namespace FlowBP.Training.Evaluation;

/// <summary>Draws labelled grids of the pictures that evaluations keep. On a machine that can't draw them they are left out.</summary>
/// <param name="title">First words of every title, such as the method's name.</param>
/// <param name="notice">Receives a line for what is left out, once each: all pictures, labels, characters that no font has.</param>
public sealed class SamplePictures(string title, Action<string>? notice = null)
{
    private const int PerRow = 6;

    private readonly GridWriter writer = new(notice);

    /// <summary>Writes the grid of one moment of a run.</summary>
    /// <param name="path">The file, whose name says the format: .png, .jpg or .webp.</param>
    /// <param name="step">Updates made.</param>
    /// <param name="result">An evaluation, or a drawing of what is shown.</param>
    public void Write(string path, int step, EvaluationResult result) =>
        Save(
            path,
            new ImageGrid
            {
                Title = $"{title}, step {step}",
                Subtitle = "held-out prompts; under each picture the prompt and the training reward",
                Rows = [.. Cells(result).Chunk(PerRow)],
                Height = result.Height,
                Width = result.Width,
            }
        );

    /// <summary>Writes the two models' pictures row under row.</summary>
    /// <param name="path">The file, whose name says the format: .png, .jpg or .webp.</param>
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
                Height = before.Height,
                Width = before.Width,
            }
        );
    }

    // A judge whose scores are right or wrong marks the picture.
    private static IEnumerable<ImageGridCell> Cells(EvaluationResult result)
    {
        var marking = result.Judgements.Index().FirstOrDefault(judgement => judgement.Item.IsShare);
        return result.Shown.Select(picture => new ImageGridCell(picture.Planes)
        {
            Caption = $"{picture.Prompt} {picture.Scores[0]:F3}",
            Correct = marking.Item is null ? null : picture.Scores[marking.Index] == 1,
        });
    }

    private void Save(string path, ImageGrid grid)
    {
        if (writer.Encode(grid, path) is { } file)
        {
            AtomicFile.Write(path, stream => stream.Write(file));
        }
    }
}
