// Pixels back to objects, by rules a person can check: saturated pixels take the nearest hue's name, 4-connected pixels
// of one name are an object, and the object's shape is the outline that overlaps it best when drawn at the same
// centroid with the same area. Overlap is measured on fractional coverage: with a yes or no per pixel, blur at the
// corners makes small squares and crosses look like discs.
namespace FlowBP.Shapes;

/// <summary>What was found in a picture; lengths in pixels of the 32×32 picture.</summary>
/// <param name="Objects">Objects with a recognised shape, in the order of their topmost pixels.</param>
/// <param name="Unrecognised">Coloured regions large enough to be an object, but of no known shape.</param>
public sealed record Detection(IReadOnlyList<SceneObject> Objects, int Unrecognised);

/// <summary>Finds coloured shapes in a picture.</summary>
public static class ObjectDetector
{
    /// <summary>Pixels more saturated than this (HSV) belong to objects.</summary>
    public const float SaturationThreshold = 0.30f;

    /// <summary>Pixels darker than this (HSV value) belong to none: their hue is noise.</summary>
    public const float ValueThreshold = 0.15f;

    /// <summary>Regions smaller than this, in pixels of the 32×32 picture, are specks; the smallest object has 29.</summary>
    public const int SmallestArea = 8;

    /// <summary>Intersection over union with the best outline that makes a region an object of that shape.</summary>
    public const float IouThreshold = 0.78f;

    private const sbyte None = -1;

    /// <summary>Finds the objects in a picture.</summary>
    /// <param name="image">[3, side, side], RGB planes; values are clamped to [0, 1].</param>
    /// <param name="side">Height and width, at least 1.</param>
    /// <exception cref="ArgumentException"><paramref name="image"/> has another length.</exception>
    public static Detection Detect(ReadOnlySpan<float> image, int side = Scene.Size)
    {
        if (side < 1 || image.Length != 3 * side * side)
        {
            throw new ArgumentException(
                $"the image has {image.Length} floats; a [3, {side}, {side}] picture needs {3 * side * side}",
                nameof(image)
            );
        }
        var scale = (float)side / Scene.Size;
        var labels = Label(image);
        var region = new List<int>();
        var objects = new List<SceneObject>();
        var unrecognised = 0;
        for (var seed = 0; seed < labels.Length; seed++)
        {
            if (labels[seed] == None)
            {
                continue;
            }

            var colour = (ShapeColour)labels[seed];
            Flood(labels, side, seed, region);
            if (region.Count < SmallestArea * scale * scale)
            {
                continue;
            }

            var coverage = Coverage(image, region);
            if (Recognise(region, coverage, colour, side, scale) is { } thing)
            {
                objects.Add(thing);
            }
            else
            {
                unrecognised++;
            }
        }
        return new(objects, unrecognised);
    }

    private static sbyte[] Label(ReadOnlySpan<float> image)
    {
        var plane = image.Length / 3;
        var labels = new sbyte[plane];
        for (var i = 0; i < plane; i++)
        {
            var pixel = Pixel(image, plane, i);
            (var saturation, var value) = pixel.SaturationValue;
            var coloured = saturation > SaturationThreshold && value > ValueThreshold;
            labels[i] = coloured ? (sbyte)Palette.Nearest(pixel.Hue) : None;
        }
        return labels;
    }

    private static Rgb Pixel(ReadOnlySpan<float> image, int plane, int i) =>
        new(Clamp(image[i]), Clamp(image[plane + i]), Clamp(image[2 * plane + i]));

    // MathF.Max(NaN, 0) would be NaN; a NaN pixel is black, and so no object.
    private static float Clamp(float value) => value > 0 ? MathF.Min(value, 1) : 0;

    /// <summary>Collects the 4-connected region around a pixel and erases it from the labels.</summary>
    private static void Flood(sbyte[] labels, int side, int seed, List<int> region)
    {
        var label = labels[seed];
        region.Clear();
        region.Add(seed);
        labels[seed] = None;
        for (var next = 0; next < region.Count; next++)
        {
            var pixel = region[next];
            var x = pixel % side;
            if (x > 0)
            {
                Visit(pixel - 1);
            }

            if (x < side - 1)
            {
                Visit(pixel + 1);
            }

            if (pixel >= side)
            {
                Visit(pixel - side);
            }

            if (pixel < labels.Length - side)
            {
                Visit(pixel + side);
            }
        }

        void Visit(int pixel)
        {
            if (labels[pixel] != label)
            {
                return;
            }

            labels[pixel] = None;
            region.Add(pixel);
        }
    }

    // Against a grey background chroma grows in proportion to coverage. Measured against the strongest chroma of the
    // region it gives each pixel's coverage, and with it area, centroid and overlap to a fraction of a pixel.
    private static float[] Coverage(ReadOnlySpan<float> image, List<int> region)
    {
        var plane = image.Length / 3;
        var coverage = new float[region.Count];
        for (var i = 0; i < coverage.Length; i++)
        {
            (var saturation, var value) = Pixel(image, plane, region[i]).SaturationValue;
            coverage[i] = saturation * value;
        }
        float[] sorted = [.. coverage.Order()];
        // The upper eighth's lower end rather than the maximum: one noisy pixel must not decide.
        var full = sorted[^((sorted.Length + 7) / 8)];
        foreach (ref var value in coverage.AsSpan())
        {
            value = MathF.Min(value / full, 1);
        }

        return coverage;
    }

    private static SceneObject? Recognise(List<int> region, float[] coverage, ShapeColour colour, int side, float scale)
    {
        float sumX = 0;
        float sumY = 0;
        float sum = 0;
        for (var i = 0; i < coverage.Length; i++)
        {
            sumX += coverage[i] * (region[i] % side + 0.5f);
            sumY += coverage[i] * (region[i] / side + 0.5f);
            sum += coverage[i];
        }
        var area = sum / (scale * scale);
        SceneObject? best = null;
        var bestIou = IouThreshold;
        foreach (var shape in ShapeKinds.All)
        {
            var radius = MathF.Sqrt(area / ShapeGeometry.UnitArea(shape));
            var candidate = new SceneObject(shape, colour, sumX / sum / scale, sumY / sum / scale, radius);
            var iou = Iou(candidate, region, coverage, side, scale);
            if (iou >= bestIou)
            {
                (best, bestIou) = (candidate, iou);
            }
        }
        return best;
    }

    // Of fuzzy sets: the sum of smaller coverages over the sum of larger ones.
    private static float Iou(in SceneObject candidate, List<int> region, float[] coverage, int side, float scale)
    {
        float shared = 0;
        float sum = 0;
        for (var i = 0; i < coverage.Length; i++)
        {
            shared += MathF.Min(coverage[i], Covers(candidate, region[i] % side, region[i] / side, scale));
            sum += coverage[i];
        }
        var reach = ShapeGeometry.Reach * candidate.Radius + 1;
        var top = Math.Max(0, (int)((candidate.Y - reach) * scale));
        var bottom = Math.Min(side - 1, (int)((candidate.Y + reach) * scale));
        var left = Math.Max(0, (int)((candidate.X - reach) * scale));
        var right = Math.Min(side - 1, (int)((candidate.X + reach) * scale));
        for (var y = top; y <= bottom; y++)
        {
            for (var x = left; x <= right; x++)
            {
                sum += Covers(candidate, x, y, scale);
            }
        }
        return shared / (sum - shared);
    }

    private static float Covers(in SceneObject candidate, int x, int y, float scale) =>
        Renderer.Coverage(candidate, (x + 0.5f) / scale, (y + 0.5f) / scale, scale);
}
