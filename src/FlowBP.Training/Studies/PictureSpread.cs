// A model that a reward has narrowed paints one picture for every noise. How different the pictures of one prompt are needs no judge;
// the sums are Welford's (1962), so that no picture is kept.

using FlowBP.Families;
using FlowBP.Training.Evaluation;

namespace FlowBP.Training.Studies;

/// <summary>
/// Measures how different the pictures of one prompt are: the root of the mean over elements of their variance over pictures
/// (divided by n − 1), in units of RGB in [0, 1]. One object for all pictures of a model.
/// </summary>
internal sealed class PictureSpread : IPictureJudge
{
    /// <summary>Name of the metric.</summary>
    public const string MetricName = "picture_spread";

    private readonly Dictionary<string, Sums> prompts = [];

    /// <inheritdoc/>
    public string Metric => MetricName;

    /// <inheritdoc/>
    public bool IsShare => false;

    /// <inheritdoc/>
    public string? Objection(ImageSize size) => null;

    /// <summary>
    /// What each picture adds to its prompt's sum of squared differences, mean over elements: the picture's difference to the mean
    /// before it times that to the mean with it.
    /// </summary>
    /// <inheritdoc/>
    public IEnumerable<double> Score(Tensor image_BCYX, IReadOnlyList<string> texts)
    {
        var all = image_BCYX.cpu().contiguous().data<float>().ToArray();
        var length = all.Length / texts.Count;
        return [.. texts.Select((text, b) => Add(text, all.AsSpan(b * length, length)))];
    }

    /// <inheritdoc/>
    public IReadOnlyList<PromptGroup> Groups(IReadOnlyList<string> prompts) => [];

    /// <summary>The spread of a prompt's pictures; null: there are fewer than two.</summary>
    /// <param name="prompt">The prompt.</param>
    public double? Of(string prompt) =>
        prompts.GetValueOrDefault(prompt) is { Count: > 1 } sums ? Math.Sqrt(sums.Squares / (sums.Count - 1)) : null;

    private double Add(string text, ReadOnlySpan<float> picture)
    {
        if (!prompts.TryGetValue(text, out var sums))
        {
            prompts[text] = sums = new(picture.Length);
        }
        sums.Count++;
        var added = 0.0;
        for (var i = 0; i < picture.Length; i++)
        {
            var before = picture[i] - sums.Mean[i];
            sums.Mean[i] += before / sums.Count;
            added += before * (picture[i] - sums.Mean[i]);
        }
        added /= picture.Length;
        sums.Squares += added;
        return added;
    }

    private sealed class Sums(int length)
    {
        public int Count { get; set; }

        public double[] Mean { get; } = new double[length];

        public double Squares { get; set; }
    }
}
