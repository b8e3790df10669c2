// Every word a prompt can hold, in a fixed order: a tokenizer built from it gives the same ids everywhere.
namespace FlowBP.Shapes;

/// <summary>The 25 words of the world, without any special token.</summary>
public static class Vocabulary
{
    /// <summary>The longest prompt, in words.</summary>
    public const int LongestPrompt = 11;

    /// <summary>All words, lower case, distinct; the order never changes.</summary>
    public static IReadOnlyList<string> Words { get; } =
    [
        "a",
        "photo",
        "of",
        "and",
        "left",
        "right",
        "above",
        "below",
        .. Prompt.Numbers,
        .. Palette.All.Select(colour => colour.Name()),
        .. ShapeKinds.All.Select(shape => shape.Singular()),
        .. ShapeKinds.All.Select(shape => shape.Plural()),
    ];
}
