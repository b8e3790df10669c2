// Fixtures of FLUX.1 and FLUX.2: FLUX.2's autoencoder, packing with position ids.
//
// Shapes: B batch, C channels, Y X latent elements or patches, L tokens.

using FlowBP.Families.Flux1;
using FlowBP.Families.Flux2;
using FlowBP.Models.Autoencoders;
using FlowBP.Models.Layers;
using FlowBP.Models.Transformers;

namespace FlowBP.Verification.Networks;

internal sealed class Flux2AutoencoderFixture : INetworkFixture
{
    public bool Matches(FixtureFolder fixture) => fixture.Network.Contains(nameof(AutoencoderKLFlux2));

    public void Check(FixtureFolder fixture, Comparison comparison)
    {
        var model = fixture.Loaded(new AutoencoderKLFlux2(AutoencoderKLFlux2Config.Read(fixture.ConfigFile)));
        var packed_BLC = fixture.LoadLeaf("in.latents");
        var rows = fixture.Meta.GetProperty("h_tokens").GetInt64();
        var columns = fixture.Meta.GetProperty("w_tokens").GetInt64();
        var latents_BCYX = LatentTokens.Unpack(packed_BLC, rows, columns);
        var image = model.DecodeScaled(latents_BCYX);
        comparison.Tensors("out", image, fixture.Load("out"));
        CompareIfPresent("unpacked", () => latents_BCYX);
        CompareIfPresent("denormalized", () => model.Denormalize(latents_BCYX));
        CompareIfPresent("unpatchified", () => LatentPatches.Unpatchify(model.Denormalize(latents_BCYX)));
        CompareIfPresent("image01", () => (image * 0.5 + 0.5).clamp(0, 1));
        GradientCheck.Run(fixture, comparison, model, image, ("latents", packed_BLC));
        if (fixture.Has("enc.in"))
        {
            using var noGrad = torch.no_grad();
            var pixels = fixture.Load("enc.in");
            CompareIfPresent("enc.moments", () => model.EncodeMoments(pixels));
            CompareIfPresent("enc.packed", () => LatentTokens.Pack(model.Scale(model.EncodeMean(pixels))));
        }

        void CompareIfPresent(string name, Func<Tensor> compute)
        {
            if (fixture.Has(name))
            {
                comparison.Tensors(name, compute(), fixture.Load(name));
            }
        }
    }
}

internal sealed class PackingFixture : INetworkFixture
{
    // This folder has no network, hence no name: it is known by its tensors.
    public bool Matches(FixtureFolder fixture) => fixture.Has("flux1.packed") && fixture.Has("flux2.packed");

    public void Check(FixtureFolder fixture, Comparison comparison)
    {
        var latents_BCYX = fixture.Load("flux1.latents");
        var patches_BCYX = LatentPatches.Patchify(latents_BCYX);
        var packed_BLC = LatentTokens.Pack(patches_BCYX);
        var (rows, columns) = (patches_BCYX.size(2), patches_BCYX.size(3));
        comparison.Tensors("flux1.packed", packed_BLC, fixture.Load("flux1.packed"));
        comparison.Tensors(
            "flux1.latents",
            LatentPatches.Unpatchify(LatentTokens.Unpack(packed_BLC, rows, columns)),
            latents_BCYX
        );
        comparison.Tensors("flux1.img_ids", FluxPositions.Image(rows, columns), fixture.Load("flux1.img_ids"));
        var text_M3 = fixture.Load("flux1.txt_ids");
        comparison.Tensors("flux1.txt_ids", FluxPositions.Text(text_M3.size(0)), text_M3);

        latents_BCYX = fixture.Load("flux2.latents");
        patches_BCYX = LatentPatches.Patchify(latents_BCYX);
        packed_BLC = LatentTokens.Pack(patches_BCYX);
        (rows, columns) = (patches_BCYX.size(2), patches_BCYX.size(3));
        comparison.Tensors("flux2.patchified", patches_BCYX, fixture.Load("flux2.patchified"));
        comparison.Tensors("flux2.packed", packed_BLC, fixture.Load("flux2.packed"));
        comparison.Tensors(
            "flux2.latents",
            LatentPatches.Unpatchify(LatentTokens.Unpack(packed_BLC, rows, columns)),
            latents_BCYX
        );
        var text_BM4 = fixture.Load("flux2.txt_ids");
        for (long b = 0; b < latents_BCYX.size(0); b++)
        {
            comparison.Tensors(
                "flux2.img_ids",
                Flux2Positions.Image(rows, columns),
                fixture.Load("flux2.img_ids").select(0, b)
            );
            comparison.Tensors("flux2.txt_ids", Flux2Positions.Text(text_BM4.size(1)), text_BM4.select(0, b));
        }
    }
}
