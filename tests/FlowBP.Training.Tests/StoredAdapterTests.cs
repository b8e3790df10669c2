using FlowBP.Formats;
using FlowBP.Training.Pipelines;

namespace FlowBP.Training.Tests;

/// <summary>An adapter that one run leaves is what the next one takes.</summary>
public class StoredAdapterTests : ShortRunTests
{
    private static IEnumerable<string> Families => TinyModels.Writers.Keys;

    [Test]
    public void A_base_with_its_adapter_paints_what_the_merged_model_paints()
    {
        Align(("lora_rank", "4"), ("max_train_steps", "2"));
        var lora = Folder.Of("run/lora");
        var merged = Painted(Choice(("model", Folder.Of("run/model"))));
        var plain = Painted(Choice());

        Assert.That(Painted(Choice(("lora_weights", lora))), Is.EqualTo(merged).Within(1e-4));
        Assert.That(
            Painted(Choice(("lora_weights", Path.Combine(lora, "pytorch_lora_weights.safetensors")))),
            Is.EqualTo(merged).Within(1e-4)
        );
        Assert.That(plain, Is.Not.EqualTo(merged).Within(1e-3), "two updates change something");
        Assert.That(
            Painted(Choice(("lora_weights", lora), ("compute_dtype", "bfloat16"))),
            Is.EqualTo(merged).Within(0.2)
        );
    }

    [TestCaseSource(nameof(Families))]
    public void Every_family_takes_its_adapter_back(string family)
    {
        TinyModels.Writers[family](Folder.Of("model"));
        float[] adapted;
        using (var model = Tiny(new() { LoraRank = 2, LoraAlpha = 3 }))
        {
            using var noGrad = torch.no_grad();
            foreach (var (i, layer) in model.Adapter!.Layers.Index())
            {
                layer.B_OR.add_(TinyModels.Waves(i, layer.B_OR.shape) * 0.1);
            }
            adapted = Latents(model);
            model.Adapter.Save(Folder.Of("lora"));
        }
        using var plain = Tiny(new());
        using var loaded = Tiny(new() { LoraRank = 2, LoraAlpha = 3 }, Folder.Of("lora"));
        Assert.That(Latents(loaded), Is.EqualTo(adapted));
        Assert.That(Latents(plain), Is.Not.EqualTo(adapted).Within(1e-3));

        TextToImage Tiny(TrainingSettings training, string? lora = null) =>
            new(
                ModelFolder.At(Folder.Of("model"), 2) with
                {
                    LoraWeights = lora,
                    Seed = 1,
                },
                training,
                prompts: new TinyModels.Prompts()
            );
    }

    [Test]
    public void Training_goes_on_with_an_adapter()
    {
        Align(("lora_rank", "4"), ("max_train_steps", "2"));
        var lora = Folder.Of("run/lora");
        var atOnce = Align(("output_dir", Folder.Of("fresh")), ("lora_rank", "4"));
        var later = Align(("output_dir", Folder.Of("on")), ("lora_weights", lora), ("lora_rank", "4"));

        Assert.That(later.Surrogate.Loss, Is.Not.EqualTo(atOnce.Surrogate.Loss), "it began with what was trained");
        // Only the second factor has a gradient at first, since it is zero.
        Assert.That(later.GradNorm, Is.Not.EqualTo(atOnce.GradNorm).Within(0.01).Percent);
        Assert.That(Folder.Of("on/lora/pytorch_lora_weights.safetensors"), Does.Exist);

        Assert.That(
            () => Align(("output_dir", Folder.Of("no")), ("lora_weights", lora), ("lora_rank", "8")),
            Throws.TypeOf<CheckpointException>().With.Message.Contains("found rank 4, expected 8 (lora_rank)")
        );
        Assert.That(
            () => Align(("output_dir", Folder.Of("no")), ("lora_weights", lora), ("lora_alpha", "2")),
            Throws.TypeOf<CheckpointException>().With.Message.Contains("found alpha 4, expected 2 (lora_alpha)")
        );
        Assert.That(
            () => Align(("output_dir", Folder.Of("no")), ("lora_weights", Folder.Of("nowhere"))),
            Throws
                .TypeOf<CheckpointException>()
                .With.Message.Contains(Folder.Of("nowhere"))
                .And.Message.Contains("found nothing there")
        );
        Assert.That(Folder.Of("no"), Does.Not.Exist);
    }

    [Test]
    public void An_adapter_is_evaluated_against_its_base_in_any_type()
    {
        Align(("lora_rank", "4"), ("max_train_steps", "2"));
        var summary = Evaluate(
            ("lora_weights", Folder.Of("run/lora")),
            ("baseline", "embedded"),
            ("compute_dtype", "bfloat16"),
            ("reward_dtype", "bfloat16"),
            ("eval_batch_size", "4")
        );
        Assert.That(summary.Metrics.Keys, Does.Contain("heldout_reward").And.Contain("rule_accuracy"));
        Assert.That(summary.Metrics["reward"].Gain, Is.Not.Zero);
        Assert.That(Folder.Of("evaluation/before-after.png"), Does.Exist);
    }

    private static float[] Latents(TextToImage model)
    {
        using var conditioning = model.Painter.Encode([Prompt]);
        var noise_BCYX = Noise.Of(model.LatentShape, 1, seed: 5, step: 0);
        return model.Painter.Sample(noise_BCYX, conditioning, steps: 2).data<float>().ToArray();
    }
}
