// A scene is the ground truth behind a picture: values only, so that it can be edited by one attribute (for pairs
// that differ minimally) and judged against a prompt without rendering anything.
using System.Collections.Immutable;

namespace FlowBP.Shapes;

/// <summary>One object; lengths in pixels of the 32×32 picture, y downwards, pixel centres at half-integers.</summary>
/// <param name="Shape">Outline.</param>
/// <param name="Colour">Colour.</param>
/// <param name="X">Abscissa of the centroid.</param>
/// <param name="Y">Ordinate of the centroid.</param>
/// <param name="Radius">Radius; the outline's proportions to it are in <see cref="ShapeGeometry"/>.</param>
public readonly record struct SceneObject(ShapeKind Shape, ShapeColour Colour, float X, float Y, float Radius)
{
    /// <summary>The empty space, in pixels, between the discs that bound two objects; negative when these overlap.</summary>
    /// <param name="other">The other object.</param>
    public float GapTo(in SceneObject other) =>
        MathF.Sqrt((X - other.X) * (X - other.X) + (Y - other.Y) * (Y - other.Y))
        - ShapeGeometry.Reach * (Radius + other.Radius);

    /// <summary>The smallest distance, in pixels, from the bounding disc to the border of the picture.</summary>
    public float Margin =>
        MathF.Min(MathF.Min(X, Y), MathF.Min(Scene.Size - X, Scene.Size - Y)) - ShapeGeometry.Reach * Radius;
}

/// <summary>A linear gradient between two near-grey colours across the picture.</summary>
/// <param name="From">Colour at one corner or side.</param>
/// <param name="To">Colour at the opposite one.</param>
/// <param name="DirectionX">Abscissa of the gradient's direction; its length doesn't matter but is not 0.</param>
/// <param name="DirectionY">Ordinate of the gradient's direction, growing downwards.</param>
public readonly record struct Background(Rgb From, Rgb To, float DirectionX, float DirectionY);

/// <summary>A picture's content: objects on a background. Objects don't overlap in sampled scenes.</summary>
/// <param name="Objects">The objects, in the order in which the prompt names them.</param>
/// <param name="Background">The background.</param>
public sealed record Scene(ImmutableArray<SceneObject> Objects, Background Background)
{
    /// <summary>Side of the picture, in pixels.</summary>
    public const int Size = 32;

    /// <summary>Number of floats of a picture, [3, 32, 32].</summary>
    public const int ImageLength = 3 * Size * Size;
}
