using FlowBP.RandomStreams;

namespace FlowBP.Shapes.Tests;

public sealed class AugmentationTests
{
    private static float[] Ramp()
    {
        var image = new float[Scene.ImageLength];
        for (var i = 0; i < image.Length; i++)
        {
            image[i] = i;
        }

        return image;
    }

    [Test]
    public void A_move_shifts_every_plane_and_repeats_the_border()
    {
        var image = Ramp();
        Augmentation.Move(image, 32, right: 2, down: -1);
        Assert.Multiple(() =>
        {
            Assert.That(image[5 * 32 + 10], Is.EqualTo(6 * 32 + 8));
            Assert.That(image[1024 + 5 * 32 + 10], Is.EqualTo(1024 + 6 * 32 + 8));
            Assert.That(image[5 * 32 + 1], Is.EqualTo(6 * 32), "left border repeated");
            Assert.That(image[2048 + 31 * 32 + 10], Is.EqualTo(2048 + 31 * 32 + 8), "bottom border repeated");
        });
    }

    [Test]
    public void A_third_of_a_turn_carries_red_to_green_to_blue_and_leaves_greys()
    {
        float[] pixel = [0.9f, 0.1f, 0.1f];
        Augmentation.RotateHue(pixel, 120);
        Assert.That(pixel, Is.EqualTo((float[])[0.1f, 0.9f, 0.1f]).Within(1e-6));
        float[] grey = [0.4f, 0.4f, 0.4f];
        Augmentation.RotateHue(grey, 17);
        Assert.That(grey, Is.EqualTo((float[])[0.4f, 0.4f, 0.4f]).Within(1e-6));
    }

    [Test]
    public void Contrast_keeps_the_mean_and_brightness_moves_it()
    {
        float[] image = [0.2f, 0.4f, 0.6f];
        Augmentation.ScaleAndAdd(image, contrast: 0.5f, brightness: 0.1f);
        Assert.That(image, Is.EqualTo((float[])[0.4f, 0.5f, 0.6f]).Within(1e-6));
    }

    [Test]
    public void A_blurred_point_is_the_binomial_kernel()
    {
        var image = new float[3 * 25];
        image[2 * 5 + 2] = 16;
        Augmentation.Blur(image, 5);
        Assert.That(
            image[..25],
            Is.EqualTo((float[])[0, 0, 0, 0, 0, 0, 1, 2, 1, 0, 0, 2, 4, 2, 0, 0, 1, 2, 1, 0, 0, 0, 0, 0, 0])
        );
        Assert.That(image[25..], Is.All.EqualTo(0f), "planes don't mix");
    }

    [Test]
    public void Noise_has_the_deviation_asked_for()
    {
        var image = new float[30_000];
        Augmentation.AddNoise(image, RandomStream.For(1, 0, 0, RandomPurpose.Augmentation), 0.1f);
        var variance = image.Average(v => (double)v * v);
        Assert.That(Math.Sqrt(variance), Is.EqualTo(0.1).Within(0.002));
        Assert.That(image.Average(), Is.Zero.Within(0.003));
    }

    [Test]
    public void Disturbed_pictures_keep_their_meaning()
    {
        var correct = 0;
        const int N = 400;
        for (var i = 0; i < N; i++)
        {
            (_, var prompt, var scene) = Draws.Sample(i);
            var image = Renderer.Render(scene);
            Augmentation.Light.Apply(image, RandomStream.For(2, 0, i, RandomPurpose.Augmentation));
            correct += RuleEvaluator.Judge(prompt, image).Correct ? 1 : 0;
        }
        TestContext.Out.WriteLine($"{correct} of {N} correct");
        Assert.That(correct, Is.GreaterThanOrEqualTo(0.97 * N));
    }

    [Test]
    public void No_strength_leaves_the_picture_as_it_is()
    {
        var image = Renderer.Render(Draws.Sample(3).Scene);
        float[] copy = [.. image];
        new Augmentation().Apply(image, RandomStream.For(2, 0, 0, RandomPurpose.Augmentation));
        Assert.That(image, Is.EqualTo(copy));
    }
}
