// The nouns of the embedded world. Four outlines that stay apart at a radius of four pixels (a star or a
// pentagon would not), in the order in which prompts are enumerated.
namespace FlowBP.Shapes;

/// <summary>The outline of an object.</summary>
public enum ShapeKind
{
    /// <summary>A disc.</summary>
    Circle,

    /// <summary>An axis-aligned square.</summary>
    Square,

    /// <summary>An equilateral triangle, pointing up.</summary>
    Triangle,

    /// <summary>An upright cross (a plus sign) with thick arms.</summary>
    Cross,
}

/// <summary>Words for <see cref="ShapeKind"/>.</summary>
public static class ShapeKinds
{
    private static readonly string[] s_singular = ["circle", "square", "triangle", "cross"];
    private static readonly string[] s_plural = ["circles", "squares", "triangles", "crosses"];

    /// <summary>All shapes, in the order of the enumeration.</summary>
    public static IReadOnlyList<ShapeKind> All { get; } = Enum.GetValues<ShapeKind>();

    /// <summary>The noun for one such object, for example <c>cross</c>.</summary>
    /// <param name="shape">The shape.</param>
    public static string Singular(this ShapeKind shape) => s_singular[(int)shape];

    /// <summary>The noun for several such objects, for example <c>crosses</c>.</summary>
    /// <param name="shape">The shape.</param>
    public static string Plural(this ShapeKind shape) => s_plural[(int)shape];
}
