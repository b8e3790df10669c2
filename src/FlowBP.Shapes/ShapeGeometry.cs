// Signed distances: one function gives the anti-aliased picture at any resolution, the evaluator's templates and
// the areas the tests compare against. Proportions are chosen so that the four outlines have similar areas for the
// same radius, and all fit the same disc: exchanging one shape for another can then never make two objects touch.
namespace FlowBP.Shapes;

/// <summary>Outlines of the shapes in closed form; y grows downwards, as in images.</summary>
public static class ShapeGeometry
{
    /// <summary>Every shape of radius r lies within the disc of radius <c>Reach · r</c> around its centre.</summary>
    public const float Reach = 1.28f;

    private const float SquareHalfSide = 0.9f;
    private const float TriangleCircumradius = 1.25f;
    private const float CrossArm = 1.05f;
    private const float CrossHalfWidth = 0.4f;

    /// <summary>The area of a shape of radius 1; the area of radius r is r² times as large.</summary>
    /// <param name="shape">The shape.</param>
    public static float UnitArea(ShapeKind shape) =>
        shape switch
        {
            ShapeKind.Circle => MathF.PI,
            ShapeKind.Square => 4 * SquareHalfSide * SquareHalfSide,
            ShapeKind.Triangle => 0.75f * MathF.Sqrt(3) * TriangleCircumradius * TriangleCircumradius,
            ShapeKind.Cross => 8 * CrossArm * CrossHalfWidth - 4 * CrossHalfWidth * CrossHalfWidth,
            _ => throw new ArgumentOutOfRangeException(nameof(shape), shape, "not a shape of this world"),
        };

    /// <summary>
    /// Distance from a point to the outline, negative inside: exact outside the shape, and exact everywhere except
    /// deep inside a cross, where it is a bound.
    /// </summary>
    /// <param name="shape">The shape, centred (by its centroid) at the origin.</param>
    /// <param name="x">Abscissa of the point, in the unit of <paramref name="radius"/>.</param>
    /// <param name="y">Ordinate of the point, growing downwards.</param>
    /// <param name="radius">Radius of the shape.</param>
    public static float SignedDistance(ShapeKind shape, float x, float y, float radius) =>
        shape switch
        {
            ShapeKind.Circle => MathF.Sqrt(x * x + y * y) - radius,
            ShapeKind.Square => Box(x, y, SquareHalfSide * radius, SquareHalfSide * radius),
            ShapeKind.Triangle => Triangle(x, y, TriangleCircumradius * radius),
            ShapeKind.Cross => MathF.Min(
                Box(x, y, CrossArm * radius, CrossHalfWidth * radius),
                Box(x, y, CrossHalfWidth * radius, CrossArm * radius)
            ),
            _ => throw new ArgumentOutOfRangeException(nameof(shape), shape, "not a shape of this world"),
        };

    private static float Box(float x, float y, float halfWidth, float halfHeight)
    {
        var dx = MathF.Abs(x) - halfWidth;
        var dy = MathF.Abs(y) - halfHeight;
        var ox = MathF.Max(dx, 0);
        var oy = MathF.Max(dy, 0);
        return MathF.Sqrt(ox * ox + oy * oy) + MathF.Min(MathF.Max(dx, dy), 0);
    }

    // By mirror symmetry only the base and the right-hand edge are needed, for x ≥ 0.
    private static float Triangle(float x, float y, float circumradius)
    {
        var halfBase = circumradius * MathF.Sqrt(3) / 2;
        var baseY = circumradius / 2;
        x = MathF.Abs(x);
        var toBase = ToSegment(x, y, 0, baseY, halfBase, baseY);
        var toEdge = ToSegment(x, y, halfBase, baseY, 0, -circumradius);
        var distance = MathF.Min(toBase, toEdge);
        // The right-hand edge's outward normal is 30 degrees above the horizontal.
        var inside = y <= baseY && x * MathF.Sqrt(3) / 2 - y / 2 <= circumradius / 2;
        return inside ? -distance : distance;
    }

    /// <summary>Distance from the point (x, y) to the segment from a to b.</summary>
    internal static float ToSegment(float x, float y, float ax, float ay, float bx, float by)
    {
        var ex = bx - ax;
        var ey = by - ay;
        var along = Math.Clamp(((x - ax) * ex + (y - ay) * ey) / (ex * ex + ey * ey), 0, 1);
        var dx = x - ax - along * ex;
        var dy = y - ay - along * ey;
        return MathF.Sqrt(dx * dx + dy * dy);
    }
}
