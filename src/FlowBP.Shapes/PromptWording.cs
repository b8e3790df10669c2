// Six ways to say the same. Four shapes make four prompts of one object, too few to tell anything apart on prompts that nothing was
// trained on; said in six ways, they are twenty-four.
using FlowBP.RandomStreams;

namespace FlowBP.Shapes;

/// <summary>How a prompt is worded.</summary>
/// <param name="Frame">What comes before the objects, with the blank that follows it.</param>
/// <param name="Articles">Whether an object alone is called <c>a circle</c>, and not <c>circle</c>.</param>
public readonly record struct PromptWording(string Frame, bool Articles)
{
    /// <summary>GenEval's: <c>a photo of a circle</c>.</summary>
    public static PromptWording GenEval { get; } = new("a photo of ", true);

    /// <summary>
    /// All wordings, GenEval's first: <c>a photo of a circle</c>, <c>a circle</c>, <c>photo of a circle</c>, and the three
    /// without article.
    /// </summary>
    public static IReadOnlyList<PromptWording> All { get; } =
    [
        GenEval,
        new("", true),
        new("photo of ", true),
        new("", false),
        new("a photo of ", false),
        new("photo of ", false),
    ];

    /// <summary>Draws a wording: half of the draws are GenEval's, the others one of all.</summary>
    /// <param name="stream">Where the draws come from.</param>
    public static PromptWording Draw(RandomStream stream) =>
        stream.NextInt(2) == 0 ? GenEval : All[stream.NextInt(All.Count)];

    /// <summary>The article with the blank that follows it; empty where it is left out.</summary>
    internal string Article => Articles ? "a " : "";
}
