using FlowBP.Training.Alignment;
using FlowBP.Training.Configuration;
using FlowBP.Training.Pipelines;
using FlowBP.Training.Rewards;

namespace FlowBP.Training.Tests;

/// <summary>How a step is computed is a setting, and what it computes is not.</summary>
public class NetworkSettingsTests
{
    // A rounding may carry one picture over the hinge: what is said of a mean needs more than a few pictures.
    private const int Enough = 16;

    [TestCase("gradient_checkpointing=blocks")]
    [TestCase("gradient_checkpointing=2")]
    [TestCase("gradient_checkpointing=auto")]
    [TestCase("gradient_checkpointing=auto activation_memory_gb=0.01")]
    [TestCase("gradient_checkpointing=blocks reuse_rollout_blocks=on")]
    [TestCase("rollout_batch_size=1 reward_batch_size=1 vjp_batch_size=1")]
    [TestCase("height=32 width=32")]
    public void What_is_kept_and_recomputed_changes_no_gradient(string given)
    {
        var plain = Step("");
        var other = Step(given);
        // Products of other sizes round differently, on some processors more than on others, and the steps and the guidance enlarge that.
        Assert.That(other.Surrogate.Loss, Is.EqualTo(plain.Surrogate.Loss).Within(1e-5));
        Assert.That(other.GradNorm, Is.EqualTo(plain.GradNorm).Within(0.05).Percent);
    }

    [TestCase("compute_dtype=bfloat16 gradient_checkpointing=blocks")]
    [TestCase("reward_dtype=bfloat16")]
    public void A_narrower_type_changes_little(string given)
    {
        // Guidance would enlarge the roundings of both branches, which differ between processors.
        var plain = Step("cfg_guidance=1", Enough);
        var other = Step($"cfg_guidance=1 {given}", Enough);
        Assert.That(other.Surrogate.Loss, Is.Not.EqualTo(plain.Surrogate.Loss), "it was narrower");
        Assert.That(other.Surrogate.Loss, Is.EqualTo(plain.Surrogate.Loss).Within(5).Percent);
        // Of slightly other pictures: 6 to 26 percent on the processors at hand.
        Assert.That(other.GradNorm, Is.EqualTo(plain.GradNorm).Within(50).Percent);
    }

    [TestCase("")]
    [TestCase("gradient_checkpointing=blocks")]
    [TestCase("gradient_checkpointing=blocks reuse_rollout_blocks=on")]
    public void A_fresh_adapter_changes_no_loss_and_gets_all_the_gradient(string given)
    {
        var plain = Step("");
        var adapted = Step("lora_rank=4 " + given);
        Assert.That(adapted.Surrogate.Loss, Is.EqualTo(plain.Surrogate.Loss).Within(1e-6));
        Assert.That(adapted.GradNorm, Is.GreaterThan(0).And.Not.EqualTo(plain.GradNorm).Within(1).Percent);
        // The second factor is zero at first, so the gradient scales with alpha.
        var stronger = Step("lora_rank=4 lora_alpha=8 " + given);
        Assert.That(stronger.GradNorm, Is.EqualTo(2 * adapted.GradNorm).Within(0.05).Percent);
    }

    [Test]
    public void An_adapter_on_a_narrow_network_is_trained_in_float32()
    {
        // As above.
        var wide = Step("lora_rank=4 cfg_guidance=1", Enough);
        var narrow = Step("lora_rank=4 cfg_guidance=1 compute_dtype=bfloat16", Enough);
        Assert.That(narrow.Surrogate.Loss, Is.Not.EqualTo(wide.Surrogate.Loss), "it was narrower");
        Assert.That(narrow.GradNorm, Is.EqualTo(wide.GradNorm).Within(50).Percent);
    }

    [Test]
    public void A_size_the_model_cannot_paint_is_refused() =>
        Assert.That(() => Step("height=48 width=4096"), Throws.Exception.With.Message.Not.Empty);

    private static StepReport Step(string given, int batch = 3)
    {
        var config = AlignmentConfig.Resolve([
            new("method", "flowbp-bridge"),
            new("num_active_steps", "3"),
            new("train_batch_size", $"{batch}"),
            new("rollout_steps", "6"),
            new("reward", "embedded/render_reward"),
            new("latent_dtype", "float32"),
            .. given
                .Split(' ', StringSplitOptions.RemoveEmptyEntries)
                .Select(pair => pair.Split('='))
                .Select(pair => KeyValuePair.Create(pair[0], pair[1])),
        ]);
        using var model = new TextToImage(config.Model with { CpuWorkers = 1 }, config.Training);
        using var reward = RewardFolder.Load(config.Judges.RewardFolder, type: config.Model.RewardDtype);
        using var trainer = new AlignmentTrainer(config, model, reward, PromptFile.Read(config.Prompts));
        return trainer.Step(0);
    }
}
