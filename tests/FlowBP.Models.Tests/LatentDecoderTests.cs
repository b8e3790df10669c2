// The two ways of decoding with less memory: one must not change the gradient, the other may change the picture only as far as
// tiles do not see each other.

using FlowBP.Models.Autoencoders;
using static FlowBP.Models.Tests.TestNetworks;

namespace FlowBP.Models.Tests;

public sealed class LatentDecoderTests
{
    private DisposeScope scope = null!;

    [SetUp]
    public void OpenScope() => scope = torch.NewDisposeScope();

    [TearDown]
    public void CloseScope() => scope.Dispose();

    [Test]
    public void A_recomputed_decode_has_the_same_gradient_and_keeps_less()
    {
        AutoencoderKL vae = Frozen();
        (float[] plain, long plainBytes) = Gradient(vae);

        vae.RecomputesDecode = true;
        (float[] recomputed, long recomputedBytes) = Gradient(vae);

        Assert.That(recomputed, Is.EqualTo(plain));
        // Half a dozen images of every residual block against one: what is left is convolutions in and out.
        Assert.That(recomputedBytes, Is.LessThan(0.7 * plainBytes));
    }

    [Test]
    public void A_decoder_in_training_is_never_recomputed()
    {
        AutoencoderKL vae = Autoencoder();
        vae.RecomputesDecode = true;

        vae.DecodeScaled(Waves(1, 4, 4, 4).requires_grad_()).sum().backward();

        Assert.That(vae.named_parameters().First(p => p.name.StartsWith("decoder")).parameter.grad, Is.Not.Null);
    }

    [TestCase(4, 1)]
    [TestCase(4, 2)]
    [TestCase(5, 3)]
    [TestCase(16, 0)]
    public void Tiles_of_a_decoder_that_sees_no_neighbours_are_the_whole(int tile, int overlap)
    {
        Tensor latents = Waves(1, 3, 7, 11);
        var doubling = new Doubling();

        Tensor tiled = new TiledDecoder(doubling, tile, overlap).DecodeScaled(latents);

        Assert.That(Values(tiled), Is.EqualTo(Values(doubling.DecodeScaled(latents))).Within(1e-6));
    }

    [Test]
    public void Gradients_flow_through_tiles()
    {
        Tensor latents = Waves(1, 3, 7, 11).requires_grad_();

        new TiledDecoder(new Doubling(), tile: 4, overlap: 2).DecodeScaled(latents).sum().backward();

        // Each element is four pixels.
        Assert.That(Values(latents.grad!), Is.All.EqualTo(4f).Within(1e-5));
    }

    [Test]
    public void Tiles_of_a_real_decoder_come_close()
    {
        AutoencoderKL vae = Frozen();
        Tensor latents = Waves(1, 4, 6, 12);

        Tensor tiled = new TiledDecoder(vae, tile: 8, overlap: 4).DecodeScaled(latents);

        Tensor whole = vae.DecodeScaled(latents);
        Assert.That(tiled.shape, Is.EqualTo(whole.shape));
        double cosine = F.cosine_similarity(tiled.flatten(), whole.flatten(), dim: 0).item<float>();
        // Norms over a tile instead of the picture: alike, not equal.
        Assert.That(cosine, Is.InRange(0.9, 0.9999));
    }

    [TestCase(4, 4)]
    [TestCase(4, -1)]
    public void Tiles_that_would_not_advance_are_refused(int tile, int overlap) =>
        Assert.That(
            () => new TiledDecoder(new Doubling(), tile, overlap),
            Throws.ArgumentException.With.Message.EqualTo(
                $"found an overlap of {overlap}, expected one from 0 to below the tile's 4"
            )
        );

    private static AutoencoderKL Frozen()
    {
        AutoencoderKL vae = Autoencoder();
        foreach (var parameter in vae.parameters())
        {
            parameter.requires_grad = false;
        }
        return vae;
    }

    // The gradient, and what the graph held just before it was pulled back.
    private static (float[] Gradient, long Bytes) Gradient(AutoencoderKL vae)
    {
        using var inner = torch.NewDisposeScope();
        Tensor latents = Waves(2, 4, 16, 16).requires_grad_();
        long before = CountedMemory.CurrentBytes;
        Tensor image = vae.DecodeScaled(latents);
        long held = CountedMemory.CurrentBytes - before;
        (image * Waves(image.shape)).sum().backward();
        return (Values(latents.grad!), held);
    }

    private sealed class Doubling : ILatentDecoder
    {
        public Tensor DecodeScaled(Tensor latents_BCYX) => F.interpolate(latents_BCYX, scale_factor: [2.0, 2.0]);
    }
}
