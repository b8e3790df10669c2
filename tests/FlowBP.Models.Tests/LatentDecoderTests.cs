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
        var vae = Frozen();
        (var plain, var plainBytes) = Gradient(vae);

        vae.RecomputesDecode = true;
        (var recomputed, var recomputedBytes) = Gradient(vae);

        Assert.That(recomputed, Is.EqualTo(plain));
        // Half a dozen images of every residual block against one: what is left is convolutions in and out.
        Assert.That(recomputedBytes, Is.LessThan(0.7 * plainBytes));
    }

    [Test]
    public void A_decoder_in_training_is_never_recomputed()
    {
        var vae = Autoencoder();
        vae.RecomputesDecode = true;

        vae.DecodeScaled(Waves(1, 4, 4, 4).requires_grad_()).sum().backward();

        Assert.That(vae.named_parameters().First(p => p.name.StartsWith("decoder")).parameter.grad, Is.Not.Null);
    }

    private static AutoencoderKL Frozen()
    {
        var vae = Autoencoder();
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
        var latents = Waves(2, 4, 16, 16).requires_grad_();
        var before = CountedMemory.CurrentBytes;
        var image = vae.DecodeScaled(latents);
        var held = CountedMemory.CurrentBytes - before;
        (image * Waves(image.shape)).sum().backward();
        return (Values(latents.grad!), held);
    }
}
