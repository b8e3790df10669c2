namespace FlowBP.Shapes.Tests;

public sealed class RendererTests
{
    private static readonly Background s_grey = new(new(0.8f, 0.8f, 0.8f), new(0.8f, 0.8f, 0.8f), 1, 0);

    private static Scene Alone(ShapeKind shape, float x, float y, float radius) =>
        new([new(shape, ShapeColour.Red, x, y, radius)], s_grey);

    // Sum of coverages, recovered from the green plane, in pixels of 32×32.
    private static double Area(Scene scene, int scale)
    {
        var side = Scene.Size * scale;
        var ink = ShapeColour.Red.Pigment().G;
        ReadOnlySpan<float> green = Renderer.Render(scene, scale).AsSpan(side * side, side * side);
        double area = 0;
        foreach (var value in green)
        {
            area += (0.8 - value) / (0.8 - ink);
        }

        return area / (scale * scale);
    }

    [Test]
    public void A_circle_covers_pi_r_squared([Values(3.8f, 5f, 7f)] float radius)
    {
        Assert.That(
            Area(Alone(ShapeKind.Circle, 15.3f, 16.8f, radius), 1),
            Is.EqualTo(Math.PI * radius * radius).Within(1).Percent
        );
    }

    [Test]
    public void Every_shape_covers_its_area([Values] ShapeKind shape, [Values(3.8f, 7f)] float radius)
    {
        double area = ShapeGeometry.UnitArea(shape) * radius * radius;
        Assert.That(Area(Alone(shape, 16.2f, 15.7f, radius), 8), Is.EqualTo(area).Within(0.5).Percent);
    }

    [Test]
    public void The_unit_areas_are_those_of_the_outlines()
    {
        // A square of side 1.8; a triangle inscribed in a circle of radius 1.25; two bars of 2.1 × 0.8 that share a
        // square of side 0.8.
        Assert.Multiple(() =>
        {
            Assert.That(ShapeGeometry.UnitArea(ShapeKind.Circle), Is.EqualTo(Math.PI).Within(1e-6));
            Assert.That(ShapeGeometry.UnitArea(ShapeKind.Square), Is.EqualTo(3.24).Within(1e-6));
            Assert.That(ShapeGeometry.UnitArea(ShapeKind.Triangle), Is.EqualTo(2.0297).Within(1e-4));
            Assert.That(ShapeGeometry.UnitArea(ShapeKind.Cross), Is.EqualTo(2 * 2.1 * 0.8 - 0.64).Within(1e-6));
        });
    }

    [Test]
    public void Shapes_stay_within_their_reach_and_are_centred_by_centroid([Values] ShapeKind shape)
    {
        const float Step = 0.01f;
        double sumX = 0;
        double sumY = 0;
        double farthest = 0;
        var inside = 0;
        for (var y = -1.5f; y < 1.5f; y += Step)
        {
            for (var x = -1.5f; x < 1.5f; x += Step)
            {
                if (ShapeGeometry.SignedDistance(shape, x, y, 1) > 0)
                {
                    continue;
                }

                sumX += x;
                sumY += y;
                inside++;
                farthest = Math.Max(farthest, Math.Sqrt(x * x + y * y));
            }
        }
        Assert.Multiple(() =>
        {
            Assert.That(farthest, Is.LessThanOrEqualTo(ShapeGeometry.Reach));
            Assert.That(sumX / inside, Is.Zero.Within(0.01));
            Assert.That(sumY / inside, Is.Zero.Within(0.01));
            Assert.That(inside * Step * Step, Is.EqualTo(ShapeGeometry.UnitArea(shape)).Within(1).Percent);
        });
    }

    [TestCase(ShapeKind.Circle, 3f, 4f, 4f)]
    [TestCase(ShapeKind.Circle, 0f, 0f, -1f)]
    [TestCase(ShapeKind.Square, 1.9f, 0f, 1f)]
    [TestCase(ShapeKind.Square, 1.2f, 1.3f, 0.5f)]
    [TestCase(ShapeKind.Square, 0f, 0f, -0.9f)]
    [TestCase(ShapeKind.Triangle, 0f, -2.25f, 1f)]
    [TestCase(ShapeKind.Triangle, 0f, 1.625f, 1f)]
    [TestCase(ShapeKind.Triangle, 0f, 0f, -0.625f)]
    [TestCase(ShapeKind.Cross, 2.05f, 0f, 1f)]
    [TestCase(ShapeKind.Cross, 0.7f, 0.8f, 0.3f)]
    public void Signed_distances_have_their_closed_form(ShapeKind shape, float x, float y, float distance)
    {
        Assert.That(ShapeGeometry.SignedDistance(shape, x, y, 1), Is.EqualTo(distance).Within(1e-5));
        Assert.That(ShapeGeometry.SignedDistance(shape, 3 * x, 3 * y, 3), Is.EqualTo(3 * distance).Within(1e-5));
    }

    [Test]
    public void The_middle_of_an_object_has_its_pigment([Values] ShapeKind shape, [Values] ShapeColour colour)
    {
        var image = Renderer.Render(new([new(shape, colour, 20.5f, 9.5f, 5)], s_grey));
        var i = 9 * 32 + 20;
        var pixel = new Rgb(image[i], image[1024 + i], image[2048 + i]);
        Assert.That(pixel, Is.EqualTo(colour.Pigment()));
        Assert.That(Palette.Nearest(pixel.Hue), Is.EqualTo(colour));
    }

    [Test]
    public void The_background_runs_from_one_colour_to_the_other()
    {
        var from = new Rgb(0.6f, 0.7f, 0.8f);
        var to = new Rgb(0.9f, 0.8f, 0.7f);
        var image = Renderer.Render(new([], new(from, to, 2, 0)));
        for (var x = 0; x < 32; x++)
        {
            var t = (x + 0.5f) / 32;
            Assert.That(image[5 * 32 + x], Is.EqualTo(0.6f + 0.3f * t).Within(1e-6));
            Assert.That(image[2048 + 30 * 32 + x], Is.EqualTo(0.8f - 0.1f * t).Within(1e-6));
        }
    }

    [Test]
    public void A_span_of_another_length_is_refused()
    {
        Assert.That(
            () => Renderer.Render(Alone(ShapeKind.Circle, 16, 16, 5), new float[3000]),
            Throws.ArgumentException.With.Message.Contains("3000 floats; a [3, 32, 32] picture needs 3072")
        );
    }

    [Test]
    public void Hue_saturation_and_value_are_those_of_HSV()
    {
        Assert.Multiple(() =>
        {
            Assert.That(new Rgb(1, 0, 0).Hue, Is.EqualTo(0));
            Assert.That(new Rgb(0, 0.5f, 0).Hue, Is.EqualTo(120));
            Assert.That(new Rgb(0, 0, 1).Hue, Is.EqualTo(240));
            Assert.That(new Rgb(1, 0, 0.5f).Hue, Is.EqualTo(330));
            Assert.That(new Rgb(0.4f, 0.4f, 0.4f).Hue, Is.EqualTo(0));
            Assert.That(new Rgb(0.8f, 0.2f, 0.4f).SaturationValue, Is.EqualTo((0.75f, 0.8f)));
            Assert.That(Palette.Nearest(350), Is.EqualTo(ShapeColour.Red), "hues are on a circle");
        });
    }

    [Test]
    public void Hues_are_at_least_fifty_degrees_apart()
    {
        float[] hues = [.. Palette.All.Select(c => c.Pigment().Hue).Order()];
        for (var i = 0; i < hues.Length; i++)
        {
            var apart = i == 0 ? hues[0] + 360 - hues[^1] : hues[i] - hues[i - 1];
            Assert.That(apart, Is.GreaterThanOrEqualTo(50));
        }
    }
}
