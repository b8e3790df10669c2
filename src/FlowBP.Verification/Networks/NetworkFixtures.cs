// One small type per kind of fixture: how its network is built, what its tensors mean, what is compared with what. A new
// network adds its type here and its entry in ModelFixture, nothing else.
//
// Shapes: B batch, C channels, Y X pixels or latent elements, L tokens, P projection.

using FlowBP.Models.Autoencoders;
using FlowBP.Models.Clip;
using FlowBP.Models.Images;
using FlowBP.Models.Rewards;

namespace FlowBP.Verification.Networks;

internal interface INetworkFixture
{
    /// <summary>Whether the folder holds this kind.</summary>
    bool Matches(FixtureFolder fixture);

    /// <summary>Runs the network and compares every tensor of the folder.</summary>
    void Check(FixtureFolder fixture, Comparison comparison);
}

internal sealed class AutoencoderFixture : INetworkFixture
{
    // FLUX.2's class of a similar name has another latent; the config's class name tells them apart.
    public bool Matches(FixtureFolder fixture) =>
        fixture.Network.Split(' ').Any(name => name is "AutoencoderKL" or "diffusers.AutoencoderKL");

    public void Check(FixtureFolder fixture, Comparison comparison)
    {
        var model = fixture.Loaded(new AutoencoderKL(AutoencoderKLConfig.Read(fixture.ConfigFile)));
        var latents = fixture.LoadLeaf("in.latents");
        var image = model.DecodeScaled(latents);
        comparison.Tensors("out", image, fixture.Load("out"));
        if (fixture.Has("image01"))
        {
            comparison.Tensors("image01", (image * 0.5 + 0.5).clamp(0, 1), fixture.Load("image01"));
        }
        GradientCheck.Run(fixture, comparison, model, image, ("latents", latents));
        if (fixture.Has("enc.in"))
        {
            using var noGrad = torch.no_grad();
            var pixels = fixture.Load("enc.in");
            comparison.Tensors("enc.moments", model.EncodeMoments(pixels), fixture.Load("enc.moments"));
            comparison.Tensors("enc.mode", model.EncodeMean(pixels), fixture.Load("enc.mode"));
        }
    }
}

internal sealed class ClipTextFixture : INetworkFixture
{
    public bool Matches(FixtureFolder fixture) => fixture.Network.Contains(nameof(CLIPTextModelWithProjection));

    public void Check(FixtureFolder fixture, Comparison comparison)
    {
        var model = fixture.Loaded(new CLIPTextModelWithProjection(ClipTextConfig.Read(fixture.ConfigFile)));
        var states = model.Encode(fixture.Load("in.input_ids"));
        var embedding = model.Project(states.Pooled);
        comparison.Tensors("out.text_embeds", embedding, fixture.Load("out.text_embeds"));
        comparison.Tensors("out.hidden_states_minus2", states.Penultimate, fixture.Load("out.hidden_states_minus2"));
        comparison.Tensors("out.last_hidden_state", states.LastHiddenState, fixture.Load("out.last_hidden_state"));
        comparison.Tensors("out.hidden_states_0", states.HiddenStates[0], fixture.Load("out.hidden_states_0"));
        GradientCheck.Run(fixture, comparison, model, embedding);
    }
}

internal sealed class ClipFixture : INetworkFixture
{
    public bool Matches(FixtureFolder fixture) =>
        fixture.Network.Split(' ').Any(name => name is "CLIPModel" or "transformers.CLIPModel");

    public void Check(FixtureFolder fixture, Comparison comparison)
    {
        var model = fixture.Loaded(new CLIPModel(ClipConfig.Read(fixture.ConfigFile)));
        var pixels = fixture.LoadLeaf("in.pixel_values");
        var ids = fixture.Load("in.input_ids");
        var image_BP = model.EmbedImage(pixels);
        var text_BP = model.EmbedText(ids);
        var score_B = (image_BP * text_BP).sum(-1) * model.LogitScale.exp();
        var outputs = new Dictionary<string, Func<Tensor>>
        {
            ["out"] = () => score_B,
            ["out.image_embeds_normalized"] = () => image_BP,
            ["out.text_embeds_normalized"] = () => text_BP,
            ["out.logits_per_text"] = () => model.call(ids, pixels),
            ["out.pickscore_div26"] = () => score_B / 26.0,
            ["out.logit_scale_exp"] = () => model.LogitScale.exp().reshape(1),
        };
        foreach (var (name, compute) in outputs.Where(output => fixture.Has(output.Key)))
        {
            comparison.Tensors(name, compute(), fixture.Load(name));
        }
        GradientCheck.Run(fixture, comparison, model, score_B, ("pixel_values", pixels));
    }
}

internal sealed class OpenClipRewardFixture : INetworkFixture
{
    private const double HingeThreshold = 0.55;

    public bool Matches(FixtureFolder fixture) => fixture.Network.Contains("open_clip");

    public void Check(FixtureFolder fixture, Comparison comparison)
    {
        var model = fixture.Loaded(new OpenClipModel(OpenClipConfig.Read(fixture.ConfigFile)));
        var reward = ClipReward.HpsV2(model);
        var text_BP = reward.EmbedText(fixture.Load("in.input_ids"));
        for (var i = 0; fixture.Has($"case{i}.image"); i++)
        {
            var image_BCYX = fixture.LoadLeaf($"case{i}.image");
            var pixels_BCYX = ClipImagePreprocessing.Apply(image_BCYX, model.ImageSize);
            var score_B = reward.Score(image_BCYX, text_BP);
            var loss = F.relu(HingeThreshold - score_B).mean();
            loss.backward();
            comparison.Tensors($"case{i}.preprocessed", pixels_BCYX, fixture.Load($"case{i}.preprocessed"));
            comparison.Tensors(
                $"case{i}.image_features",
                model.EmbedImage(pixels_BCYX),
                fixture.Load($"case{i}.image_features")
            );
            comparison.Tensors($"case{i}.text_features", text_BP, fixture.Load($"case{i}.text_features"));
            comparison.Tensors($"case{i}.reward", score_B, fixture.Load($"case{i}.reward"));
            comparison.Tensors($"case{i}.loss_hinge055", loss.reshape(1), fixture.Load($"case{i}.loss_hinge055"));
            comparison.Tensors($"case{i}.grad_image", image_BCYX.grad!, fixture.Load($"case{i}.grad_image"));
        }
    }
}

internal sealed class BicubicResizeFixture : INetworkFixture
{
    // This folder has no network, hence no name: it is known by its tensors.
    public bool Matches(FixtureFolder fixture) =>
        fixture.Has("c0.in") && fixture.Has("c0.out") && fixture.Has("c0.grad_in");

    public void Check(FixtureFolder fixture, Comparison comparison)
    {
        for (var i = 0; fixture.Has($"c{i}.in"); i++)
        {
            var image_BCYX = fixture.LoadLeaf($"c{i}.in");
            var expected = fixture.Load($"c{i}.out");
            var resized = BicubicResize.Resize(image_BCYX, (int)expected.shape[2], (int)expected.shape[3]);
            (resized * fixture.Load($"c{i}.R")).sum().backward();
            comparison.Tensors($"c{i}.out", resized, expected);
            comparison.Tensors($"c{i}.grad_in", image_BCYX.grad!, fixture.Load($"c{i}.grad_in"));
        }
    }
}
