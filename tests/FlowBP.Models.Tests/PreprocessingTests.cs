// Resizing and preprocessing against closed forms.

using FlowBP.Models.Images;
using FlowBP.Models.Rewards;
using static FlowBP.Models.Tests.TestNetworks;

namespace FlowBP.Models.Tests;

public sealed class PreprocessingTests
{
    private DisposeScope scope = null!;

    [SetUp]
    public void OpenScope() => scope = torch.NewDisposeScope();

    [TearDown]
    public void CloseScope() => scope.Dispose();

    [TestCase(7, 7)]
    [TestCase(1, 1)]
    public void Resizing_to_the_same_size_changes_nothing(int height, int width)
    {
        var image = Waves(2, 3, height, width);

        Assert.That(Values(BicubicResize.Resize(image, height, width)), Is.EqualTo(Values(image)).Within(1e-6));
    }

    [TestCase(3, 17)]
    [TestCase(40, 5)]
    [TestCase(1, 1)]
    public void A_constant_stays_constant(int height, int width)
    {
        var image = torch.full([1, 1, 11, 13], 0.3f);

        Assert.That(Values(BicubicResize.Resize(image, height, width)), Is.All.EqualTo(0.3f).Within(1e-6));
    }

    [Test]
    public void Halving_a_ramp_samples_it_at_the_new_centres()
    {
        float[] ramp = [.. Enumerable.Range(0, 32).Select(i => (float)i)];

        var half = Values(BicubicResize.Resize(torch.tensor(ramp).reshape(1, 1, 1, 32), 1, 16));

        // Pixel i covers 2i and 2i + 1; the kernel is symmetric, so away from the borders a line stays a line.
        for (var i = 2; i < 14; i++)
        {
            Assert.That(half[i], Is.EqualTo(2 * i + 0.5).Within(1e-4));
        }
    }

    [Test]
    public void The_border_of_a_wide_image_is_black_before_normalisation()
    {
        var image = torch.ones([1, 3, 2, 8]);

        var red = Values(ClipImagePreprocessing.Apply(image, 8)[0][0]);

        var white = (1 - 0.48145466f) / 0.26862954f;
        var black = -0.48145466f / 0.26862954f;
        for (var y = 0; y < 8; y++)
        {
            Assert.That(red[y * 8 + 3], Is.EqualTo(y is 3 or 4 ? white : black).Within(1e-5), $"row {y}");
        }
    }

    [TestCase(5, 9, 8)]
    [TestCase(64, 31, 8)]
    [TestCase(3, 3, 8)]
    public void Preprocessing_always_gives_a_square(int height, int width, int size)
    {
        Assert.That(
            ClipImagePreprocessing.Apply(Waves(2, 3, height, width), size).shape,
            Is.EqualTo(new long[] { 2, 3, size, size })
        );
    }
}
