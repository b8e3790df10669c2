// Rotations, patches, tokens and positions against what they are by definition.

using FlowBP.Families.Flux1;
using FlowBP.Families.Flux2;
using FlowBP.Models.Layers;
using FlowBP.Models.Transformers;
using static FlowBP.Models.Tests.TestNetworks;

namespace FlowBP.Models.Tests;

public sealed class FluxPositionTests
{
    private DisposeScope scope = null!;

    [SetUp]
    public void OpenScope() => scope = torch.NewDisposeScope();

    [TearDown]
    public void CloseScope() => scope.Dispose();

    [Test]
    public void Each_axis_turns_its_own_pairs_by_its_own_angle()
    {
        // One token at (2, 5): pair 0 belongs to the first axis, pairs 1 and 2 to the second.
        var table = RotaryTable.Of(torch.tensor(new float[] { 2, 5 }).reshape(1, 2), [2, 4], theta: 100);

        var turned = Values(table.Rotate(torch.tensor(new float[] { 1, 0, 0, 1, 1, 0 }).reshape(1, 1, 1, 6)));

        var slow = 5 * Math.Pow(100, -0.5);
        double[] expected = [Math.Cos(2), Math.Sin(2), -Math.Sin(5), Math.Cos(5), Math.Cos(slow), Math.Sin(slow)];
        Assert.That(turned, Is.EqualTo(expected).Within(1e-6));
    }

    [Test]
    public void Products_of_turned_vectors_depend_on_the_difference_of_positions_alone()
    {
        var query = Waves(1, 1, 1, 8);
        var key = Waves(1, 1, 2, 8).narrow(2, 1, 1);

        var near = Product(query, (3, 7), key, (1, 2));
        var far = Product(query, (103, 57), key, (101, 52));

        Assert.That(far, Is.EqualTo(near).Within(1e-5));
        Assert.That(Product(query, (3, 7), key, (1, 3)), Is.Not.EqualTo(near).Within(1e-3));

        static double Product(Tensor q, (float, float) at, Tensor k, (float, float) from) =>
            (At(at).Rotate(q) * At(from).Rotate(k)).sum().item<float>();

        static RotaryTable At((float Row, float Column) place) =>
            RotaryTable.Of(torch.tensor(new[] { place.Row, place.Column }).reshape(1, 2), [4, 4], theta: 10000);
    }

    [Test]
    public void Narrow_types_are_turned_in_float32_and_rounded_once()
    {
        var table = RotaryTable.Of(torch.tensor(new float[] { 3 }).reshape(1, 1), [8], theta: 10000);
        var x = Waves(1, 1, 1, 8).bfloat16();

        var turned = table.Rotate(x);

        Assert.That(turned.dtype, Is.EqualTo(ScalarType.BFloat16));
        Assert.That(Values(turned.@float()), Is.EqualTo(Values(table.Rotate(x.@float()).bfloat16().@float())));
    }

    [Test]
    public void Positions_of_another_number_of_axes_are_refused() =>
        Assert.That(
            () => RotaryTable.Of(torch.zeros([5, 3]), [4, 4, 4, 4], theta: 2000),
            Throws.ArgumentException.With.Message.EqualTo("found position ids of shape [5, 3], expected [tokens, 4]")
        );

    [Test]
    public void A_patch_holds_channel_row_column_and_its_token_lies_row_by_row()
    {
        // Element (c, y, x) is the number c·100 + y·10 + x.
        var latents = torch
            .tensor([.. Grid(2, 4, 6).Select(at => (float)(at.C * 100 + at.Y * 10 + at.X))])
            .reshape(1, 2, 4, 6);

        var patches = LatentPatches.Patchify(latents);
        var tokens = LatentTokens.Pack(patches);

        Assert.That(patches.shape, Is.EqualTo(new long[] { 1, 8, 2, 3 }));
        Assert.That(tokens.shape, Is.EqualTo(new long[] { 1, 6, 8 }));
        // Token 5 is patch (1, 2): rows 2 and 3, columns 4 and 5.
        Assert.That(Values(tokens[0][5]), Is.EqualTo(new float[] { 24, 25, 34, 35, 124, 125, 134, 135 }));
        var back = LatentPatches.Unpatchify(LatentTokens.Unpack(tokens, 2, 3));
        Assert.That(Values(back), Is.EqualTo(Values(latents)));
    }

    private static IEnumerable<(int C, int Y, int X)> Grid(int channels, int height, int width) =>
        from c in Enumerable.Range(0, channels)
        from y in Enumerable.Range(0, height)
        from x in Enumerable.Range(0, width)
        select (c, y, x);

    [Test]
    public void Sides_that_patches_do_not_fill_are_refused() =>
        Assert.That(
            () => LatentPatches.Patchify(torch.zeros([1, 2, 3, 4])),
            Throws.ArgumentException.With.Message.Contains("[1, 2, 3, 4], expected [B, C, Y, X] with even Y and X")
        );

    [Test]
    public void Tokens_of_another_grid_are_refused() =>
        Assert.That(
            () => LatentTokens.Unpack(torch.zeros([1, 6, 8]), 2, 4),
            Throws.ArgumentException.With.Message.EqualTo("found tokens of shape [1, 6, 8], expected [B, 2·4, C]")
        );

    [Test]
    public void Flux1_sees_image_tokens_on_a_grid_and_text_at_the_origin()
    {
        var image = Values(FluxPositions.Image(2, 3));

        Assert.That(image[..9], Is.EqualTo(new float[] { 0, 0, 0, 0, 0, 1, 0, 0, 2 }));
        Assert.That(image[^3..], Is.EqualTo(new float[] { 0, 1, 2 }));
        Assert.That(Values(FluxPositions.Text(4)), Is.EqualTo(new float[12]));
    }

    [Test]
    public void Flux2_counts_text_tokens_on_an_axis_of_their_own()
    {
        var image = Values(Flux2Positions.Image(2, 3).@float());

        Assert.That(image[..8], Is.EqualTo(new float[] { 0, 0, 0, 0, 0, 0, 1, 0 }));
        Assert.That(image[^4..], Is.EqualTo(new float[] { 0, 1, 2, 0 }));
        Assert.That(
            Values(Flux2Positions.Text(3).@float()),
            Is.EqualTo(new float[] { 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 2 })
        );
    }
}
