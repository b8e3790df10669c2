// From a scene to pixels. Coverage of a pixel is taken from the signed distance at its centre (a ramp one pixel
// wide), which is what makes edges smooth at 32×32 and the same scene renderable at any multiple for documents.
namespace FlowBP.Shapes;

/// <summary>Renders scenes with anti-aliased edges.</summary>
public static class Renderer
{
    /// <summary>Renders a scene at <paramref name="scale"/> times 32 pixels.</summary>
    /// <param name="scene">The scene.</param>
    /// <param name="scale">Resolution multiple, at least 1.</param>
    /// <returns>[3, 32·scale, 32·scale], RGB planes, values in [0, 1].</returns>
    public static float[] Render(Scene scene, int scale = 1)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(scale, 1);
        var image = new float[Scene.ImageLength * scale * scale];
        Render(scene, image, scale);
        return image;
    }

    /// <summary>Renders a scene into memory the caller owns.</summary>
    /// <param name="scene">The scene.</param>
    /// <param name="image">Receives [3, 32·scale, 32·scale], RGB planes, values in [0, 1].</param>
    /// <param name="scale">Resolution multiple, at least 1.</param>
    /// <exception cref="ArgumentException"><paramref name="image"/> has another length.</exception>
    public static void Render(Scene scene, Span<float> image, int scale = 1)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(scale, 1);
        var side = Scene.Size * scale;
        if (image.Length != 3 * side * side)
        {
            throw new ArgumentException(
                $"the image has {image.Length} floats; a [3, {side}, {side}] picture needs {3 * side * side}",
                nameof(image)
            );
        }
        Paint(scene.Background, image, side);
        foreach (var thing in scene.Objects)
        {
            Paint(thing, image, side, scale);
        }
    }

    private static void Paint(Background background, Span<float> image, int side)
    {
        // The picture's extent along the gradient, so that both colours are reached exactly at the border.
        var extent = MathF.Abs(background.DirectionX) + MathF.Abs(background.DirectionY);
        var plane = side * side;
        for (var y = 0; y < side; y++)
        {
            for (var x = 0; x < side; x++)
            {
                var u = (x + 0.5f) / side - 0.5f;
                var v = (y + 0.5f) / side - 0.5f;
                var t = (u * background.DirectionX + v * background.DirectionY) / extent + 0.5f;
                var i = y * side + x;
                image[i] = float.Lerp(background.From.R, background.To.R, t);
                image[plane + i] = float.Lerp(background.From.G, background.To.G, t);
                image[2 * plane + i] = float.Lerp(background.From.B, background.To.B, t);
            }
        }
    }

    private static void Paint(SceneObject thing, Span<float> image, int side, int scale)
    {
        var pigment = thing.Colour.Pigment();
        var plane = side * side;
        var reach = ShapeGeometry.Reach * thing.Radius + 1;
        var top = Math.Max(0, (int)MathF.Floor((thing.Y - reach) * scale));
        var bottom = Math.Min(side, (int)MathF.Ceiling((thing.Y + reach) * scale));
        var left = Math.Max(0, (int)MathF.Floor((thing.X - reach) * scale));
        var right = Math.Min(side, (int)MathF.Ceiling((thing.X + reach) * scale));
        for (var y = top; y < bottom; y++)
        {
            for (var x = left; x < right; x++)
            {
                var coverage = Coverage(thing, (x + 0.5f) / scale, (y + 0.5f) / scale, scale);
                if (coverage == 0)
                {
                    continue;
                }

                var i = y * side + x;
                image[i] = float.Lerp(image[i], pigment.R, coverage);
                image[plane + i] = float.Lerp(image[plane + i], pigment.G, coverage);
                image[2 * plane + i] = float.Lerp(image[2 * plane + i], pigment.B, coverage);
            }
        }
    }

    /// <summary>How much of a pixel an object covers, approximated from the signed distance at the pixel's centre.</summary>
    /// <param name="thing">The object.</param>
    /// <param name="x">Abscissa of the pixel's centre, in pixels of the 32×32 picture.</param>
    /// <param name="y">Ordinate of the pixel's centre.</param>
    /// <param name="scale">Rendered pixels per pixel of the 32×32 picture.</param>
    /// <returns>A fraction in [0, 1].</returns>
    internal static float Coverage(in SceneObject thing, float x, float y, float scale) =>
        Math.Clamp(
            0.5f - scale * ShapeGeometry.SignedDistance(thing.Shape, x - thing.X, y - thing.Y, thing.Radius),
            0,
            1
        );
}
