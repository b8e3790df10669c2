using FlowBP.Families;
using FlowBP.Surrogates;
using FlowBP.Training.Configuration;

namespace FlowBP.Training.Tests.Configuration;

/// <summary>The released configurations load unchanged: every key sets something, or says why it needs not.</summary>
public class ReleasedConfigTests
{
    private static string Sparse =>
        SharedFolder.Require("data", "released_configs", "sd35", "sd3_5_flowbp_sparse.yaml");

    [Test]
    public void All_of_them_load()
    {
        var files = ReleasedConfigs.Files();
        Assert.That(files, Has.Length.EqualTo(21));
        using (Assert.EnterMultipleScope())
        {
            foreach (var file in files)
            {
                Assert.That(() => ReleasedConfigs.Load(file), Throws.Nothing, file);
            }
        }
    }

    [Test]
    public void Every_key_sets_a_setting_or_says_why_it_needs_not()
    {
        foreach (var file in ReleasedConfigs.Files())
        {
            var config = ReleasedConfigs.Load(file);
            var places = config
                .Resolved()
                .Select(pair => config.OriginOf(pair.Key).Place)
                .Concat(config.WithoutEffect.Select(key => key.Origin.Place))
                .ToHashSet();
            foreach (var entry in YamlConfig.Read(file))
            {
                // A Dirichlet concentration given for all three is overridden by three of their own, and stays a setting.
                Assert.That(places, Does.Contain(entry.Origin.Place), $"{file}: {entry.Key} was lost");
            }
            Assert.That(config.WithoutEffect.Select(key => key.Reason), Is.All.Not.Empty);
        }
    }

    [Test]
    public void Values_arrive()
    {
        var config = ReleasedConfigs.Load(Sparse);
        using (Assert.EnterMultipleScope())
        {
            Assert.That(config.Method.Name, Is.EqualTo("flowbp-sparse"));
            Assert.That(config.Family, Is.EqualTo(ModelFamilies.SD35));
            Assert.That(config.Optimizer.LearningRate, Is.EqualTo(1e-5));
            Assert.That(config.Hinge, Is.EqualTo(new HingeLoss(0.55, 1, 1)));
            Assert.That((config.Model.Height, config.Model.Width), Is.EqualTo(((int?)512, (int?)512)));
            Assert.That(config.Model.SamplingSteps, Is.EqualTo(40), "eval.num_steps");
            Assert.That(config.RolloutSteps, Is.EqualTo(25));
            Assert.That(config.Training.GradientCheckpointing, Is.EqualTo("blocks"));
            Assert.That(config.Model.ComputeDtype, Is.EqualTo(ScalarType.BFloat16));
            Assert.That((config.NoiseSeed, config.PromptSeed), Is.EqualTo((42UL, 1223627UL)));
            Assert.That((config.IndexSeed, config.EvaluationSeed), Is.EqualTo((114UL, 42UL)));
            Assert.That(config.Judges.RewardFolder, Is.EqualTo("models/reward_ckpts/hpsv2"));
            Assert.That(config.Judges.HeldOutReward, Is.EqualTo("models/reward_ckpts/pickscore"));
            Assert.That(config.Model.PromptEmbeds, Is.EqualTo("data/sd3_5_rl_embeddings"));
            Assert.That(config.IndexDraw, Is.EqualTo(DrawScope.PerBatch), "as the released trainers draw");
            Assert.That(config.OriginOf("num_active_steps").Place, Is.EqualTo($"{Sparse}, line 57"));
            Assert.That(config.OriginOf("lr_scheduler").Precedence, Is.EqualTo(Precedence.ReleasedDefault));
        }
    }

    [Test]
    public void FLUX_2_Lagrange_leaves_the_compensation_out_and_so_divides_by_the_guidance()
    {
        foreach (var file in ReleasedConfigs.Files())
        {
            var divisor = ReleasedConfigs.Load(file).Hinge.GradientDivisor;
            var expected = (Path.GetFileNameWithoutExtension(file)) switch
            {
                "flux2_klein_base_9b_flowbp_lagrange" => 4,
                _ => 1,
            };
            Assert.That(divisor, Is.EqualTo(expected), file);
        }
    }

    [Test]
    public void A_rollout_length_that_is_left_out_is_the_sampling_steps()
    {
        var file = SharedFolder.Require("data", "released_configs", "flux2", "flux2_klein_base_9b_leapalign.yaml");
        Assert.That(ReleasedConfigs.Load(file, "sampling.sampling_steps=7").RolloutSteps, Is.EqualTo(7));
        Assert.That(ReleasedConfigs.Load(Sparse, "sampling.sampling_steps=7").RolloutSteps, Is.EqualTo(25));
    }

    [TestCase("latest", "latest")]
    [TestCase("outputs/checkpoint-500", "outputs/checkpoint-500")]
    [TestCase("", null)]
    public void A_run_goes_on_from_a_checkpoint_by_the_released_key(string given, string? expected) =>
        Assert.That(
            ReleasedConfigs.Load(Sparse, $"train.resume_from_checkpoint={given}").Resuming.ResumeFromCheckpoint,
            Is.EqualTo(expected)
        );

    [TestCase("train.debug=true", "train.debug must be false, got 'true'")]
    [TestCase("distributed.sp_size=2", "a sequence is never divided")]
    [TestCase("distributed.use_cpu_offload=true", "use_cpu_offload must be false")]
    [TestCase("data.cfg=0.1", "prompts are never dropped")]
    [TestCase("data.num_latent_t=2", "one frame")]
    [TestCase("reward.use_hpsv2=false", "use_hpsv2 must be true")]
    [TestCase("flux2.text_encoder_out_layers=[9, 18]", "text_encoder_out_layers must be 9,18,27")]
    [TestCase("train.seed=[1, 2]", "train.seed must be an integer from 0 to 2^63 - 1, got a list")]
    [TestCase("model.master_weight_type=bf61", "did you mean bf16")]
    [TestCase("distributed.fsdp_sharding_startegy=ful", "did you mean full")]
    [TestCase("trainer.name=flowbp_sprase", "did you mean flowbp_sparse")]
    [TestCase("optimizer.learning_rate=fast", "optimizer.learning_rate must be a number from 0 to 1000000, got 'fast'")]
    [TestCase("optimizer.learning_rate=.nan", "optimizer.learning_rate must be")]
    [TestCase("optimizer.learning_rate=.inf", "optimizer.learning_rate must be")]
    [TestCase("flowbp.tau=0.1", "tau belongs to other methods: leapalign, flowbp-lagrange")]
    [TestCase("refl.last_n_steps=3", "last_n_steps belongs to other methods: refl, refl-endpoint")]
    [TestCase("train.learning_rate=1", "unknown key 'learning_rate' in train: it belongs in optimizer")]
    [TestCase("optimizr.learning_rate=1", "unknown section 'optimizr' (did you mean optimizer?)")]
    [TestCase("eval.reward_fn=hpsv2", "eval.reward_fn holds keys of its own")]
    [TestCase("eval.reward_fn.pikscore=1", "did you mean pickscore")]
    [TestCase("eval.num_steps.x=1", "eval.num_steps is a value, not a section")]
    [TestCase("optimizer=3", "optimizer is a section")]
    [TestCase("learning_rat=3", "did you mean learning_rate")]
    [TestCase("late_bias", "expected section.key=value or key=value, got 'late_bias'")]
    public void What_is_not_done_or_not_known_is_refused_by_name(string given, string message)
    {
        var problem = Assert.Throws<ConfigurationException>(() => ReleasedConfigs.Load(Sparse, given))!;
        Assert.That(problem.Message, Does.StartWith("--set ").And.Contain(message));
        Assert.That(problem.Message, Does.Not.Contain('\n'));
    }

    [Test]
    public void Thresholds_of_zero_switch_a_filter_off()
    {
        var file = SharedFolder.Require(
            "data",
            "released_configs",
            "flux2",
            "flux2_klein_base_9b_flowbp_lagrange.yaml"
        );
        Assert.That(Filters("flowbp_lagrange.clip_dj_threshold=0"), Is.EqualTo(("none", "none")));
        Assert.That(Filters("flowbp_lagrange.clip_dj_threshold=0.5"), Is.EqualTo(("0.5", "none")));
        Assert.That(Filters("flowbp_lagrange.clip_d0=true"), Is.EqualTo(("none", "0.2")));
        Assert.That(
            Filters("flowbp_lagrange.clip_d0=true", "flowbp_lagrange.clip_d0_threshold=0.7"),
            Is.EqualTo(("none", "0.7"))
        );
        Assert.That(Filters("flowbp_lagrange.clip_d0_threshold=0.7"), Is.EqualTo(("none", "none")));

        (string, string) Filters(params string[] overrides)
        {
            var values = ReleasedConfigs
                .Load(file, overrides)
                .Resolved()
                .ToDictionary(pair => pair.Key, pair => pair.Value);
            return (values["traj_filter_dj_max"], values["traj_filter_d0_max"]);
        }
    }

    [Test]
    public void Without_precomputed_embeddings_the_text_encoders_are_asked()
    {
        var file = SharedFolder.Require("data", "released_configs", "flux2", "flux2_klein_base_9b_refl.yaml");
        Assert.That(ReleasedConfigs.Load(file).Model.PromptEmbeds, Is.EqualTo("data/rl_embeddings_flux2_9b"));
        Assert.That(ReleasedConfigs.Load(file, "flux2.use_precomputed_embeds=false").Model.PromptEmbeds, Is.Null);
    }
}
