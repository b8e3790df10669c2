// Every family through the same door: a folder in, pictures and gradients out.

using System.Text.Json.Nodes;
using FlowBP.Families;
using FlowBP.Families.Flux1;
using FlowBP.Families.Flux2;
using FlowBP.Families.SD3;
using FlowBP.Surrogates;
using FlowBP.Training.Pipelines;

namespace FlowBP.Training.Tests;

public class FlowModelTests : FlowModelFixture
{
    [TestCaseSource(nameof(Families))]
    public void A_folder_samples_pictures_the_same_every_time(string family)
    {
        using var model = Load(family, guidance: 4);
        using var conditioning = model.Painter.Encode(["a red circle", "two squares"]);
        var noise_B = TinyModels.Waves(0.1, [2, .. model.LatentShape]);

        var first = model.Painter.Decode(model.Painter.Sample(noise_B, conditioning, steps: 2));
        var second = model.Painter.Decode(model.Painter.Sample(noise_B, conditioning, steps: 2));

        Assert.That(first.shape, Is.EqualTo(new long[] { 2, 3, TinyModels.Side, TinyModels.Side }));
        Assert.That(Values(first), Is.All.InRange(0f, 1f));
        Assert.That(Values(first).Distinct().Count(), Is.GreaterThan(100));
        Assert.That(Values(second), Is.EqualTo(Values(first)));
    }

    [TestCaseSource(nameof(Families))]
    public void A_pullback_reaches_the_whole_transformer_and_nothing_of_the_autoencoder(string family)
    {
        using var model = Load(family, guidance: 4);
        using var conditioning = model.Painter.Encode(["a red circle", "two squares"]);
        var x_B = TinyModels.Waves(0.1, [2, .. model.LatentShape]);
        var sigma_B = torch.tensor(new[] { 0.5f, 0.75f });

        var gradient = model.Field.Vjp(x_B, sigma_B, conditioning, TinyModels.Waves(0.9, x_B.shape), true)!;

        Assert.That(gradient.shape, Is.EqualTo(x_B.shape));
        Assert.That(Values(gradient), Is.All.Not.NaN);
        Assert.That(Values(gradient).Max(Math.Abs), Is.GreaterThan(1e-3));
        List<string> unreached = [];
        foreach (var (name, parameter) in model.Model.Transformer.named_parameters())
        {
            if (parameter.grad is not { } parameterGradient)
            {
                unreached.Add(name);
                continue;
            }
            Assert.That(Values(parameterGradient), Is.All.Matches<float>(float.IsFinite), name);
        }
        // Nobody reads the text after Stable Diffusion 3's last block, so nothing asks what its text attends to.
        string[] unused =
            family == SD3Family.PipelineClass
                ? ["transformer_blocks.1.attn.add_q_proj.weight", "transformer_blocks.1.attn.add_q_proj.bias"]
                : [];
        Assert.That(unreached, Is.EquivalentTo(unused));
        Assert.That(model.Model.Vae.parameters().Select(parameter => parameter.requires_grad), Is.All.False);
    }

    [TestCaseSource(nameof(Families))]
    public void A_pullback_is_the_derivative_of_the_velocity(string family)
    {
        using var model = Load(family, guidance: 4);
        using var conditioning = model.Painter.Encode(["a red circle"]);
        var x_B = TinyModels.Waves(0.1, [1, .. model.LatentShape]);
        var sigma_B = torch.tensor(new[] { 0.5f });
        var cotangent_B = TinyModels.Waves(0.9, x_B.shape);
        var direction_B = TinyModels.Waves(2.3, x_B.shape);
        const double step = 1e-2;

        // The branch without a negative: guidance may treat the other one as a constant.
        var field = Fields.Blockwise(model.Model.Transformer, guidance: 4);
        var gradient = field.Vjp(x_B, sigma_B, conditioning, cotangent_B, true)!;
        var ahead = field.Evaluate(x_B + direction_B * step, sigma_B, conditioning);
        var behind = field.Evaluate(x_B - direction_B * step, sigma_B, conditioning);

        var expected = ((ahead - behind) * cotangent_B).sum().item<float>() / (2 * step);
        var actual = (gradient * direction_B).sum().item<float>();
        Assert.That(Math.Abs(expected), Is.GreaterThan(1e-2));
        // Central differences in float32: the truncation is of order step², rounding of order 1e-6 / step.
        Assert.That(actual, Is.EqualTo(expected).Within(1e-2 * Math.Max(1, Math.Abs(expected))));
    }

    [TestCaseSource(nameof(Families))]
    public void Threads_that_share_a_batch_change_only_last_bits(string family)
    {
        using var alone = Load(family, guidance: 4);
        using var shared = Load(family, guidance: 4, workers: 2);
        using var conditioning = alone.Painter.Encode(["a red circle", "two squares"]);
        var x_B = TinyModels.Waves(0.1, [2, .. alone.LatentShape]);
        var sigma_B = torch.tensor(new[] { 0.5f, 0.75f });

        Assert.That(
            Values(shared.Field.Evaluate(x_B, sigma_B, conditioning)),
            Is.EqualTo(Values(alone.Field.Evaluate(x_B, sigma_B, conditioning))).Within(1e-5)
        );
    }

    [TestCaseSource(nameof(Families))]
    public void A_saved_model_predicts_the_same_and_keeps_its_text_encoders(string family)
    {
        TinyModels.Writers[family](Folder.Of("model"));
        Folder.Write("model/text_encoder/model.safetensors", "not read");
        Folder.Write("model/tokenizer/merges.txt", "not read either");
        var contents = Folder.Of("model/model_index.json");
        var index = JsonNode.Parse(File.ReadAllText(contents))!;
        index["text_encoder"] = new JsonArray("transformers", "CLIPTextModelWithProjection");
        index["tokenizer"] = new JsonArray("transformers", "CLIPTokenizer");
        File.WriteAllText(contents, index.ToJsonString());
        using var model = new TextToImage(ModelFolder.At(Folder.Of("model"), 4), prompts: new TinyModels.Prompts());

        model.Model.Save(Folder.Of("saved"));
        using var saved = new TextToImage(ModelFolder.At(Folder.Of("saved"), 4), prompts: new TinyModels.Prompts());

        Assert.That(File.ReadAllText(Folder.Of("saved/text_encoder/model.safetensors")), Is.EqualTo("not read"));
        Assert.That(File.ReadAllText(Folder.Of("saved/tokenizer/merges.txt")), Is.EqualTo("not read either"));
        var written = JsonNode.Parse(File.ReadAllText(Folder.Of("saved/model_index.json")))!;
        Assert.That(written["text_encoder"]!.ToJsonString(), Is.EqualTo(index["text_encoder"]!.ToJsonString()));
        Assert.That(written["tokenizer"]!.ToJsonString(), Is.EqualTo(index["tokenizer"]!.ToJsonString()));
        using var conditioning = model.Painter.Encode(["a red circle"]);
        var x_B = TinyModels.Waves(0.1, [1, .. model.LatentShape]);
        var sigma_B = torch.tensor(new[] { 0.5f });
        Assert.That(
            Values(saved.Field.Evaluate(x_B, sigma_B, conditioning)),
            Is.EqualTo(Values(model.Field.Evaluate(x_B, sigma_B, conditioning)))
        );
    }

    [Test]
    public void Flux1_takes_the_guidance_scale_as_an_input_and_has_no_negative_branch()
    {
        using var weak = Load(Flux1Family.PipelineClass, guidance: 1);
        using var strong = Load(Flux1Family.PipelineClass, guidance: 4);
        using var conditioning = strong.Painter.Encode(["a red circle"]);
        var x_B = TinyModels.Waves(0.1, [1, .. strong.LatentShape]);
        var sigma_B = torch.tensor(new[] { 0.5f });

        Assert.That(conditioning.Negative, Is.Null);
        Assert.That(
            Values(strong.Field.Evaluate(x_B, sigma_B, conditioning)),
            Is.Not.EqualTo(Values(weak.Field.Evaluate(x_B, sigma_B, conditioning))).Within(1e-4)
        );
    }

    [Test]
    public void Flux2_is_guided_away_from_the_empty_prompt()
    {
        using var model = Load(Flux2Family.PipelineClass, guidance: 4);
        using var conditioning = model.Painter.Encode(["a red circle"]);
        using var empty = model.Model.Condition(model.Model.Prompts.Encode([""]));
        var x_B = TinyModels.Waves(0.1, [1, .. model.LatentShape]);
        var sigma_B = torch.tensor(new[] { 0.5f });
        var field = Fields.Blockwise(model.Model.Transformer, guidance: 1);
        var negative = field.Evaluate(x_B, sigma_B, empty);
        var positive = field.Evaluate(x_B, sigma_B, conditioning);

        var guided = model.Field.Evaluate(x_B, sigma_B, conditioning);

        Assert.That(Values(positive - negative).Max(Math.Abs), Is.GreaterThan(1e-3));
        Assert.That(Values(guided), Is.EqualTo(Values(negative + (positive - negative) * 4)).Within(1e-4));
    }

    [Test]
    public void A_distilled_Klein_model_has_no_negative_branch()
    {
        TinyModels.WriteFlux2(Folder.Of("model"), distilled: true);
        using var model = new TextToImage(ModelFolder.At(Folder.Of("model"), 4), prompts: new TinyModels.Prompts());
        using var conditioning = model.Painter.Encode(["a red circle"]);

        Assert.That(conditioning.Negative, Is.Null);
    }

    [Test]
    public void Each_family_has_its_own_schedule_and_latent()
    {
        using var sd3 = Load(SD3Family.PipelineClass, 4, size: new(16, 32));
        using var flux = Load(Flux1Family.PipelineClass, 4, size: new(16, 32));
        using var flux2 = Load(Flux2Family.PipelineClass, 4, size: new(16, 32));

        // The autoencoder halves the sides; FLUX.2's latents are patches already.
        Assert.That(sd3.LatentShape, Is.EqualTo(new long[] { 4, 8, 16 }));
        Assert.That(flux.LatentShape, Is.EqualTo(new long[] { 4, 8, 16 }));
        Assert.That(flux2.LatentShape, Is.EqualTo(new long[] { 16, 4, 8 }));
        const int tokens = 4 * 8;
        Assert.That(sd3.Schedule(5).Sigmas, Is.EqualTo(NoiseSchedule.FlowMatchEuler(5, 3).Sigmas));
        Assert.That(
            flux.Schedule(5).Sigmas,
            Is.EqualTo(NoiseSchedule.DynamicShift(5, FlowMatchEuler.LinearMu(tokens)).Sigmas)
        );
        Assert.That(
            flux2.Schedule(5).Sigmas,
            Is.EqualTo(NoiseSchedule.DynamicShift(5, FlowMatchEuler.EmpiricalMu(tokens, 5)).Sigmas)
        );
    }

    [TestCaseSource(nameof(Families))]
    public void In_bfloat16_the_velocity_and_the_picture_stay_close(string family)
    {
        using var wide = Load(family, guidance: 4);
        using var narrow = Load(family, guidance: 4);
        narrow.Model.Transformer.to(ScalarType.BFloat16);
        narrow.Model.Vae.to(ScalarType.BFloat16);
        using var conditioning = wide.Painter.Encode(["a red circle"]);
        var x_B = TinyModels.Waves(0.1, [1, .. wide.LatentShape]);
        var sigma_B = torch.tensor(new[] { 0.5f });

        if (family != SD3Family.PipelineClass)
        {
            var expected = Fields.Blockwise(wide.Model.Transformer, guidance: 4).Evaluate(x_B, sigma_B, conditioning);
            var velocity = Fields.Blockwise(narrow.Model.Transformer, guidance: 4).Evaluate(x_B, sigma_B, conditioning);
            Assert.That(velocity.dtype, Is.EqualTo(ScalarType.BFloat16));
            // Eight bits of mantissa, a few roundings deep.
            Assert.That(Distance(velocity.@float(), expected), Is.LessThan(0.03));
        }
        Assert.That(Distance(narrow.Painter.Decode(x_B), wide.Painter.Decode(x_B)), Is.LessThan(0.03));

        static double Distance(Tensor actual, Tensor expected) =>
            ((actual - expected).norm() / expected.norm()).item<float>();
    }
}
