// Disturbances of a picture that leave its meaning alone. Two rewards trained on the same world become more
// independent when they see it through different disturbances; every strength is a value, so each reward's are written
// down where it is trained.
using FlowBP.RandomStreams;

namespace FlowBP.Shapes;

/// <summary>Strengths of random disturbances; a strength of 0 leaves its disturbance out.</summary>
/// <param name="Shift">Largest shift along each axis, in whole pixels; the border is repeated.</param>
/// <param name="Brightness">Largest amount added to all values.</param>
/// <param name="Contrast">Largest relative change of the distance to the mean value.</param>
/// <param name="HueDegrees">Largest rotation around the grey axis, in degrees.</param>
/// <param name="BlurProbability">Probability of a 3×3 binomial blur.</param>
/// <param name="Noise">Largest standard deviation of normal noise.</param>
public readonly record struct Augmentation(
    int Shift = 0,
    float Brightness = 0,
    float Contrast = 0,
    float HueDegrees = 0,
    float BlurProbability = 0,
    float Noise = 0
)
{
    /// <summary>A little of most: for the reward that is trained against.</summary>
    public static Augmentation Light { get; } = new(Shift: 1, Brightness: 0.05f, Contrast: 0.1f, Noise: 0.03f);

    /// <summary>Blur, hue and stronger noise: for the reward that is held out.</summary>
    public static Augmentation Strong { get; } =
        new(Shift: 2, Brightness: 0.08f, Contrast: 0.2f, HueDegrees: 8, BlurProbability: 0.5f, Noise: 0.07f);

    /// <summary>Disturbs a picture in place.</summary>
    /// <param name="image">[3, side, side], RGB planes, in [0, 1]; stays in [0, 1].</param>
    /// <param name="stream">Where the draws come from; the number of draws depends on the strengths.</param>
    /// <param name="side">Height and width.</param>
    /// <exception cref="ArgumentException"><paramref name="image"/> has another length.</exception>
    public void Apply(Span<float> image, RandomStream stream, int side = Scene.Size)
    {
        if (image.Length != 3 * side * side)
        {
            throw new ArgumentException(
                $"the image has {image.Length} floats; a [3, {side}, {side}] picture needs {3 * side * side}",
                nameof(image)
            );
        }
        if (Shift > 0)
        {
            Move(image, side, stream.NextInt(2 * Shift + 1) - Shift, stream.NextInt(2 * Shift + 1) - Shift);
        }

        if (HueDegrees > 0)
        {
            RotateHue(image, Within(stream, HueDegrees));
        }

        if (Brightness > 0 || Contrast > 0)
        {
            ScaleAndAdd(image, 1 + Within(stream, Contrast), Within(stream, Brightness));
        }

        if (BlurProbability > 0 && stream.NextDouble() < BlurProbability)
        {
            Blur(image, side);
        }

        if (Noise > 0)
        {
            AddNoise(image, stream, Noise * (float)stream.NextDouble());
        }

        foreach (ref var value in image)
        {
            value = Math.Clamp(value, 0, 1);
        }
    }

    /// <summary>Moves a picture by whole pixels; what enters repeats the border.</summary>
    /// <param name="image">[3, side, side].</param>
    /// <param name="side">Height and width.</param>
    /// <param name="right">Pixels to the right.</param>
    /// <param name="down">Pixels downwards.</param>
    public static void Move(Span<float> image, int side, int right, int down)
    {
        if (right == 0 && down == 0)
        {
            return;
        }

        var source = image.ToArray();
        var plane = side * side;
        for (var i = 0; i < image.Length; i++)
        {
            var x = Math.Clamp(i % side - right, 0, side - 1);
            var y = Math.Clamp(i % plane / side - down, 0, side - 1);
            image[i] = source[i / plane * plane + y * side + x];
        }
    }

    /// <summary>Rotates colours around the grey axis; greys stay as they are.</summary>
    /// <param name="image">[3, height, width], RGB planes.</param>
    /// <param name="degrees">Angle, positive from red towards green.</param>
    public static void RotateHue(Span<float> image, float degrees)
    {
        // Rodrigues' rotation about (1, 1, 1)/√3: a circulant matrix with three distinct entries.
        (var sin, var cos) = MathF.SinCos(degrees * MathF.PI / 180);
        var same = (1 + 2 * cos) / 3;
        var before = (1 - cos) / 3 + sin / MathF.Sqrt(3);
        var after = (1 - cos) / 3 - sin / MathF.Sqrt(3);
        var plane = image.Length / 3;
        for (var i = 0; i < plane; i++)
        {
            var r = image[i];
            var g = image[plane + i];
            var b = image[2 * plane + i];
            image[i] = same * r + after * g + before * b;
            image[plane + i] = before * r + same * g + after * b;
            image[2 * plane + i] = after * r + before * g + same * b;
        }
    }

    /// <summary>Scales the distance to the mean value, then adds.</summary>
    /// <param name="image">Any shape.</param>
    /// <param name="contrast">Factor on the distance to the mean.</param>
    /// <param name="brightness">Amount added.</param>
    public static void ScaleAndAdd(Span<float> image, float contrast, float brightness)
    {
        double sum = 0;
        foreach (var value in image)
        {
            sum += value;
        }

        var mean = (float)(sum / image.Length);
        foreach (ref var value in image)
        {
            value = mean + contrast * (value - mean) + brightness;
        }
    }

    /// <summary>Blurs with the 3×3 binomial kernel (1 2 1)ᵀ(1 2 1)/16; the border is repeated.</summary>
    /// <param name="image">[3, side, side].</param>
    /// <param name="side">Height and width.</param>
    public static void Blur(Span<float> image, int side)
    {
        var source = image.ToArray();
        for (var i = 0; i < image.Length; i++)
        {
            var x = i % side;
            source[i] = (image[x > 0 ? i - 1 : i] + 2 * image[i] + image[x < side - 1 ? i + 1 : i]) / 4;
        }
        for (var i = 0; i < image.Length; i++)
        {
            var y = i / side % side;
            image[i] = (source[y > 0 ? i - side : i] + 2 * source[i] + source[y < side - 1 ? i + side : i]) / 4;
        }
    }

    /// <summary>Adds normal noise.</summary>
    /// <param name="image">Any shape.</param>
    /// <param name="stream">Where the draws come from.</param>
    /// <param name="deviation">Standard deviation.</param>
    public static void AddNoise(Span<float> image, RandomStream stream, float deviation)
    {
        foreach (ref var value in image)
        {
            value += deviation * (float)stream.NextNormal();
        }
    }

    private static float Within(RandomStream stream, float bound) => bound * (2 * (float)stream.NextDouble() - 1);
}
