// The rules of the embedded world as one judge among others: nothing else of training and evaluation knows that there are shapes.

using FlowBP.Families;
using FlowBP.Shapes;
using FlowBP.Training.Evaluation;

namespace FlowBP.Training.EmbeddedWorld;

/// <summary>Judges pictures of the embedded world by its rules; GenEval's tasks are told apart.</summary>
public sealed class ShapesJudge : IPictureJudge
{
    /// <summary>Name of the metric.</summary>
    public const string MetricName = "rule_accuracy";

    private ShapesJudge() { }

    /// <inheritdoc/>
    public string Metric => MetricName;

    /// <inheritdoc/>
    public bool IsShare => true;

    /// <summary>The judge of some prompts. All of them, or none: an accuracy over some of the prompts would be misread.</summary>
    /// <param name="prompts">The prompts.</param>
    /// <returns>Null where a prompt is of another world.</returns>
    public static ShapesJudge? Of(IReadOnlyList<string> prompts) =>
        prompts.All(text => Prompt.TryParse(text, out _)) ? new ShapesJudge() : null;

    /// <inheritdoc/>
    public string? Objection(ImageSize size) =>
        size == new ImageSize(Scene.Size, Scene.Size)
            ? null
            : $"no rule accuracy: the rules judge pictures of {Scene.Size} × {Scene.Size} pixels,"
                + $" these are {size.Height} × {size.Width}";

    /// <inheritdoc/>
    public IEnumerable<double> Score(Tensor image_BCYX, IReadOnlyList<string> prompts) =>
        RuleEvaluator
            .Judge([.. prompts.Select(Prompt.Parse)], image_BCYX.cpu().contiguous().data<float>().ToArray())
            .Select(verdict => verdict.Correct ? 1.0 : 0.0);

    /// <inheritdoc/>
    public IReadOnlyList<PromptGroup> Groups(IReadOnlyList<string> prompts) =>
        [
            .. prompts
                .Index()
                .GroupBy(prompt => Prompt.Parse(prompt.Item).Task, prompt => prompt.Index)
                .OrderBy(group => group.Key)
                .Select(group => new PromptGroup(group.Key.Name(), [.. group])),
        ];
}
