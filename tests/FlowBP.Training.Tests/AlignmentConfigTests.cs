using FlowBP.Settings;
using FlowBP.Surrogates;
using FlowBP.Training.Configuration;

namespace FlowBP.Training.Tests;

/// <summary>Settings resolve by name or alias, once each, or are refused with a suggestion.</summary>
public class AlignmentConfigTests
{
    private static IEnumerable<string> Methods => MethodRegistry.All.Select(method => method.Name);

    [TestCaseSource(nameof(Methods))]
    public void What_is_resolved_resolves_to_itself(string method)
    {
        var defaults = AlignmentConfig.Resolve([new("method", method)]).Resolved().ToArray();
        Assert.That(AlignmentConfig.Resolve(defaults).Resolved(), Is.EqualTo(defaults));
        Assert.That(
            defaults.Select(pair => pair.Key),
            Is.EquivalentTo(
                AlignmentConfig.Settings.Concat(MethodRegistry.Get(method).Settings).Select(setting => setting.Name)
            )
        );
    }

    [TestCaseSource(nameof(Methods))]
    public void Every_default_is_a_text_that_its_setting_accepts(string method)
    {
        foreach (var setting in AlignmentConfig.Settings.Concat(MethodRegistry.Get(method).Settings))
        {
            Assert.That(
                setting.FormatValue(setting.ParseValue(setting.DefaultText)),
                Is.EqualTo(setting.DefaultText),
                setting.Name
            );
        }
    }

    [TestCaseSource(nameof(Methods))]
    public void No_name_or_alias_belongs_to_two_settings(string method) =>
        Assert.That(
            AlignmentConfig
                .Settings.Concat(MethodRegistry.Get(method).Settings)
                .SelectMany(setting => setting.Aliases.Prepend(setting.Name)),
            Is.Unique
        );

    [Test]
    public void An_alias_of_the_released_configurations_means_the_setting()
    {
        var config = AlignmentConfig.Resolve([
            new("method", "flowbp-sparse"),
            new("loss_relu_clip", "0.55"),
            new("flowbp_sparse_num_active_steps", "3"),
            new("num_steps", "20"),
        ]);
        Assert.That(config.Hinge.Threshold, Is.EqualTo(0.55));
        Assert.That(config.Model.SamplingSteps, Is.EqualTo(20));
        Assert.That(config.Resolved(), Has.One.EqualTo(KeyValuePair.Create("num_active_steps", "3")));
    }

    [Test]
    public void A_name_and_its_alias_together_are_one_too_many() =>
        Assert.That(
            () => AlignmentConfig.Resolve([new("hinge_lambda", "0.5"), new("loss_relu_clip", "0.5")]),
            Throws.TypeOf<InvalidSettingException>().With.Message.Contains("hinge_lambda is given twice")
        );

    [TestCase("lerning_rate", "learning_rate")]
    [TestCase("late_bais", "late_bias")]
    public void A_misspelt_setting_is_refused_with_the_nearest(string name, string nearest) =>
        Assert.That(
            () => AlignmentConfig.Resolve([new("method", "flowbp-sparse"), new(name, "1")]),
            Throws.TypeOf<UnknownNameException>().With.Message.Contains($"did you mean {nearest}")
        );

    [Test]
    public void A_setting_of_another_method_is_refused() =>
        Assert.That(
            () => AlignmentConfig.Resolve([new("method", "refl"), new("late_bias", "1")]),
            Throws.TypeOf<UnknownNameException>().With.Message.Contains("of method refl")
        );

    [Test]
    public void A_misspelt_method_is_refused_with_the_nearest() =>
        Assert.That(
            () => AlignmentConfig.Resolve([new("method", "flowbp-spars")]),
            Throws.TypeOf<UnknownNameException>().With.Message.Contains("flowbp-sparse")
        );

    [TestCase("learning_rate", "-1")]
    [TestCase("learning_rate", "nan")]
    [TestCase("train_batch_size", "0")]
    [TestCase("train_batch_size", "2.5")]
    [TestCase("latent_dtype", "fp16")]
    [TestCase("overwrite", "yes")]
    [TestCase("output_dir", "")]
    public void A_value_that_is_not_accepted_names_its_setting(string name, string value) =>
        Assert.That(
            () => AlignmentConfig.Resolve([new(name, value)]),
            Throws.TypeOf<InvalidSettingException>().With.Message.Contains(name)
        );

    [Test]
    public void A_plan_that_cannot_be_drawn_is_refused_at_once() =>
        Assert.That(
            () =>
                AlignmentConfig.Resolve([
                    new("method", "refl"),
                    new("rollout_steps", "4"),
                    new("refl_last_n_steps", "5"),
                ]),
            Throws.InstanceOf<ArgumentException>()
        );

    [TestCase("model=data/flux cfg_grad_norm_compensate=true", "cfg_grad_norm_compensate must be false")]
    [TestCase("model=data/flux cfg_detach_neg=false", "cfg_detach_neg must be true")]
    [TestCase("height=512", "height and width are given together")]
    [TestCase("height=512 width=500", "multiples of 16")]
    [TestCase("lora_alpha=8", "need lora_rank")]
    [TestCase("lora_target_modules=to_q", "need lora_rank")]
    [TestCase("lora_weights=here lora_target_modules=to_q", "lora_target_modules has no meaning with lora_weights")]
    public void Settings_that_do_not_go_together_are_refused(string given, string message) =>
        Assert.That(
            () =>
                AlignmentConfig.Resolve(
                    given
                        .Split(' ')
                        .Select(pair => pair.Split('='))
                        .Select(pair => KeyValuePair.Create(pair[0], pair[1]))
                ),
            Throws.InstanceOf<ArgumentException>().With.Message.Contains(message)
        );

    [TestCase("gradient_checkpointing", "blocks", "blocks")]
    [TestCase("gradient_checkpointing", "4", "4")]
    [TestCase("gradient_checkpointing", "auto", "auto")]
    [TestCase("reuse_rollout_blocks", "off", "off")]
    [TestCase("compute_dtype", "bf16", "bfloat16")]
    [TestCase("reward_dtype", "bfloat16", "bfloat16")]
    [TestCase("jk_dirichlet_alpha_a", "none", "none")]
    public void Settings_of_the_networks_are_read_in_all_their_forms(string name, string text, string recorded) =>
        Assert.That(
            AlignmentConfig.Resolve([new(name, text)]).Resolved(),
            Has.One.EqualTo(KeyValuePair.Create(name, recorded))
        );

    [TestCase("gradient_checkpointing", "block", "did you mean blocks?")]
    [TestCase("gradient_checkpointing", "0", "must be none | blocks | a number of blocks | auto")]
    [TestCase("reuse_rollout_blocks", "onn", "did you mean on?")]
    [TestCase("compute_dtype", "bflaot16", "did you mean bfloat16?")]
    [TestCase("use_ema", "ture", "did you mean true?")]
    public void A_misspelt_value_is_refused_with_the_nearest(string name, string text, string message) =>
        Assert.That(
            () => AlignmentConfig.Resolve([new(name, text)]),
            Throws.TypeOf<InvalidSettingException>().With.Message.Contains(name).And.Message.Contains(message)
        );

    // Beyond these a product or a quotient of the step would be infinite or no number.
    [TestCase("adam_beta1", "1", "a number from 0 to 0.9999999")]
    [TestCase("adam_beta2", "1", "a number from 0 to 0.9999999")]
    [TestCase("ema_decay", "1", "a number from 0 to 0.9999999")]
    [TestCase("adam_epsilon", "0", "a number from 1E-30 to 1")]
    [TestCase("max_grad_norm", "0", "a number > 0")]
    [TestCase("learning_rate", "1e300", "a number from 0 to 1000000")]
    [TestCase("weight_decay", "inf", "a number from 0 to 1000000")]
    [TestCase("loss_grad_scale", "1e39", "a number from 0 to 1000000")]
    [TestCase("cfg_guidance", "1e39", "a number from 0 to 1000000")]
    [TestCase("eval_guidance_scale", "1e39", "a number from 0 to 1000000, or none")]
    [TestCase("hinge_lambda", "-1e39", "a number from -1000000 to 1000000")]
    [TestCase("lora_alpha", "1e39", "a number > 0, at most 1000000, or none")]
    [TestCase("activation_memory_gb", "1e300", "a number > 0, at most 1000000, or none")]
    public void A_number_that_would_make_others_infinite_is_refused_by_name(
        string name,
        string text,
        string accepted
    ) =>
        Assert.That(
            () => AlignmentConfig.Resolve([new(name, text)]),
            Throws.TypeOf<InvalidSettingException>().With.Message.EqualTo($"{name} must be {accepted}, got '{text}'")
        );

    [Test]
    public void Compensation_divides_the_gradient_by_the_guidance_and_not_the_loss()
    {
        KeyValuePair<string, string>[] guided = [new("cfg_guidance", "4"), new("loss_grad_scale", "2")];
        Assert.That(AlignmentConfig.Resolve(guided).Hinge.GradientDivisor, Is.EqualTo(1));
        var hinge = AlignmentConfig.Resolve([.. guided, new("cfg_grad_norm_compensate", "true")]).Hinge;
        Assert.That((hinge.GradientDivisor, hinge.Scale), Is.EqualTo((4, 2)));
    }

    [Test]
    public void The_held_out_reward_can_be_left_out_and_paths_are_taken_as_given()
    {
        var config = AlignmentConfig.Resolve([new("heldout_reward", "none"), new("model", "/models/sd35")]);
        Assert.That(
            (config.Judges.HeldOutRewardFolder, config.Model.Folder),
            Is.EqualTo(((string?)null, "/models/sd35"))
        );
    }

    [Test]
    public void Chunks_are_whole_batches_unless_given()
    {
        var executor = AlignmentConfig.Resolve([new("vjp_batch_size", "2"), new("latent_dtype", "fp32")]).Executor;
        Assert.That((executor.VjpChunk, executor.RewardChunk), Is.EqualTo((2, int.MaxValue)));
        Assert.That(executor.Storage, Is.EqualTo(ScalarType.Float32));
    }
}
