// Computing in bfloat16 with float32 masters: what it costs in accuracy, and what it saves an update from.

using FlowBP.Kernels;
using FlowBP.Models.Autoencoders;
using FlowBP.Models.Clip;
using FlowBP.Models.Layers;
using FlowBP.Models.Rewards;
using FlowBP.Surrogates;
using FlowBP.Training.Optimization;
using FlowBP.Training.Rewards;

namespace FlowBP.Training.Tests;

/// <summary><c>compute_dtype</c>, <c>reward_dtype</c>, <c>latent_dtype</c>.</summary>
public class ComputeCopyTests
{
    [TestCase("blocks")]
    [TestCase("none")]
    public void Gradients_in_bfloat16_arrive_at_the_masters_within_2e_2(string mode)
    {
        using var world = new TransformerWorld(layers: 4);
        var expected = world.Pull(Fields.Whole(world.Transformer));
        world.Transformer.zero_grad();
        using var copy = new ComputeCopy(world.Transformer);
        var field = Fields.Blockwise(world.Transformer, GradientCheckpointing.Parse(mode), copy);
        using var input = field.Vjp(world.Noise, world.Sigma, world.Conditioning, world.Cotangent, true);
        var pulled = copy.Masters.Where(master => master.Parameter.grad is not null).ToArray();
        using (Assert.EnterMultipleScope())
        {
            Assert.That(world.Transformer.parameters().Select(p => p.dtype), Is.All.EqualTo(ScalarType.BFloat16));
            Assert.That(world.Transformer.parameters().Select(p => p.grad), Is.All.Null);
            Assert.That(pulled.Select(master => master.Name), Is.EquivalentTo(expected.Parameters.Keys));
            Assert.That(pulled.Select(master => master.Parameter.grad!.dtype), Is.All.EqualTo(ScalarType.Float32));
        }
        double[] all = [.. pulled.SelectMany(master => TensorValues.Numbers(master.Parameter.grad!))];
        double[] reference = [.. pulled.SelectMany(master => expected.Parameters[master.Name])];
        var error = TransformerWorld.RelativeNorm(all, reference);
        var inputError = TransformerWorld.RelativeNorm(TensorValues.Numbers(input!), expected.Input);
        TestContext.Out.WriteLine($"bf16 gradients: {error:e2} of the parameters, {inputError:e2} of the input");
        Assert.That(error, Is.LessThan(2e-2));
        Assert.That(inputError, Is.LessThan(2e-2));
    }

    [Test]
    public void Masters_collect_updates_that_the_copy_alone_would_round_away()
    {
        var module = nn.Linear(1, 4, hasBias: false);
        using (torch.no_grad())
        {
            module.weight!.fill_(1);
        }
        using var copy = new ComputeCopy(module);
        using var optimizer = new FusedAdamW(
            copy.Masters,
            new() { WeightDecay = 0, EmaDecay = null },
            new CpuLatentKernels(),
            copy.Narrow
        );
        // Steps of 1e-3 at 1: the spacing of bfloat16 below 1 is 2^-8, so none of them alone changes it.
        for (var step = 1; step <= 4; step++)
        {
            using var ones = torch.ones([4, 1], ScalarType.BFloat16);
            copy.Add(module.weight!, ones);
            optimizer.Step(1e-3, optimizer.GradientNorm());
            var master = copy.Masters.Single().Parameter;
            Assert.That(TensorValues.Numbers(master), Is.All.EqualTo(1 - (step * 1e-3)).Within(1e-5));
            var shown = step < 2 ? 1 : 1 - (1.0 / 256 * Math.Round(step * 1e-3 * 256));
            Assert.That(TensorValues.Numbers(module.weight!), Is.All.EqualTo(shown), $"after step {step}");
            using var alone = (torch.ones(4, dtype: ScalarType.BFloat16) - 1e-3f).to(ScalarType.BFloat16);
            Assert.That(TensorValues.Numbers(alone), Is.All.EqualTo(1), "a bfloat16 weight would stay");
        }
        Assert.That(TensorValues.Numbers(module.weight!), Is.All.LessThan(1));
    }

    [Test]
    public void Products_of_many_steps_add_up_in_float32()
    {
        var module = nn.Linear(1, 1, hasBias: false);
        using var copy = new ComputeCopy(module);
        using var gradient = torch.full([1, 1], 1f / 512, ScalarType.BFloat16);
        using var one = torch.ones([1, 1], ScalarType.BFloat16);
        copy.Add(module.weight!, one);
        for (var i = 0; i < 100; i++)
        {
            copy.Add(module.weight!, gradient);
        }
        // In bfloat16, 1 + 1/512 is 1.
        Assert.That(TensorValues.Numbers(copy.Masters.Single().Parameter.grad!), Is.All.EqualTo(1 + (100 / 512.0)));
    }

    [Test]
    public void The_copy_is_the_masters_rounded_after_an_update_and_after_an_exchange_with_the_average()
    {
        using var world = new TransformerWorld();
        using var copy = new ComputeCopy(world.Transformer);
        using var optimizer = new FusedAdamW(
            copy.Masters,
            new() { EmaDecay = 0.5 },
            new CpuLatentKernels(),
            copy.Narrow
        );
        var field = Fields.Blockwise(world.Transformer, gradients: copy);
        field.Vjp(world.Noise, world.Sigma, world.Conditioning, world.Cotangent, false);
        optimizer.Step(0.01, optimizer.GradientNorm());
        RequireRounded();
        optimizer.SwapWithEma();
        RequireRounded();

        void RequireRounded()
        {
            foreach (var (name, master) in copy.Masters)
            {
                using var rounded = master.detach().to(ScalarType.BFloat16);
                Assert.That(TensorValues.Numbers(copy.Narrow[name]), Is.EqualTo(TensorValues.Numbers(rounded)), name);
            }
        }
    }

    [Test]
    public void Widened_for_saving_the_module_has_the_masters_values_and_its_buffers_own()
    {
        using var world = new TransformerWorld();
        var before = world.Transformer.state_dict().ToDictionary(p => p.Key, p => TensorValues.Numbers(p.Value));
        using var copy = new ComputeCopy(world.Transformer);
        using (copy.Widened())
        {
            foreach (var (name, value) in world.Transformer.state_dict())
            {
                Assert.That(value.dtype, Is.EqualTo(ScalarType.Float32), name);
                Assert.That(TensorValues.Numbers(value), Is.EqualTo(before[name]), name);
            }
        }
        Assert.That(world.Transformer.parameters().Select(p => p.dtype), Is.All.EqualTo(ScalarType.BFloat16));
        var field = Fields.Blockwise(world.Transformer, gradients: copy);
        field.Vjp(world.Noise, world.Sigma, world.Conditioning, world.Cotangent, false);
        Assert.That(copy.Masters.First().Parameter.grad, Is.Not.Null, "it can be trained on");
    }

    [Test]
    public void Frozen_parameters_are_narrowed_and_have_no_master()
    {
        using var world = new TransformerWorld();
        var frozen = world.Transformer.Blocks[0].parameters().ToArray();
        foreach (var parameter in frozen)
        {
            parameter.requires_grad = false;
        }
        using var copy = new ComputeCopy(world.Transformer);
        var field = Fields.Blockwise(world.Transformer, gradients: copy);
        field.Vjp(world.Noise, world.Sigma, world.Conditioning, world.Cotangent, false);
        Assert.That(copy.Masters.Select(master => master.Name), Has.None.StartsWith("transformer_blocks.0."));
        Assert.That(frozen.Select(parameter => parameter.dtype), Is.All.EqualTo(ScalarType.BFloat16));
        Assert.That(copy.Masters.Count() + frozen.Length, Is.EqualTo(world.Transformer.parameters().Count()));
    }

    [Test]
    public void A_copy_that_does_not_fit_its_parameter_is_refused()
    {
        var weight = nn.Parameter(torch.ones(3));
        using var wrong = torch.ones(3);
        Assert.That(
            () =>
                new FusedAdamW(
                    [("w", weight)],
                    new(),
                    new CpuLatentKernels(),
                    new Dictionary<string, Tensor> { ["w"] = wrong }
                ),
            Throws.ArgumentException.With.Message.Contains("copy of w")
        );
        Assert.That(() => new ComputeCopy(nn.Linear(1, 1), ScalarType.Float16), Throws.ArgumentException);
    }

    [Test]
    public void The_reforward_in_bfloat16_repeats_the_rollouts_velocity_to_the_bit()
    {
        using var world = new TransformerWorld(layers: 2);
        using var copy = new ComputeCopy(world.Transformer);
        var schedule = NoiseSchedule.FlowMatchEuler(7, 3);
        var field = new RepeatingField(Fields.Blockwise(world.Transformer, gradients: copy));
        var executor = new SurrogateExecutor(field, schedule, new CpuLatentKernels());
        var inputs = new SurrogateBatch
        {
            Plan = BatchPlan.Shared(new SparsePlanner(new()).FromIndices(schedule, [1, 3, 4, 6]), 2),
            Noise_B = world.Noise,
            Conditioning = world.Conditioning,
            RewardConditioning = world.Conditioning,
        };
        using var rollout = executor.Rollout(inputs);
        var weights = executor.Weigh(inputs, rollout);
        using var gradient = executor.RewardGradient(inputs, rollout, weights, new SumReward(), new(Threshold: 1e6));
        executor.AccumulateGradients(inputs, rollout, gradient);
        int[] steps = [6, 4, 3, 1];
        Assert.That(field.Repeated, Has.Count.EqualTo(steps.Length));
        foreach (var (step, (found, rounded)) in steps.Zip(field.Repeated))
        {
            using var cached_B = rollout.V_TB.select(0, step);
            Assert.That(found, Is.EqualTo(TensorValues.Numbers(cached_B)), $"step {step}");
            Assert.That(rounded, Is.Not.EqualTo(found), "a time rounded to bfloat16 would show");
        }
    }

    [Test]
    public void Autoencoder_and_reward_in_bfloat16_score_and_pull_back_like_float32()
    {
        using var scope = torch.NewDisposeScope();
        var vae = Initialized(
            new AutoencoderKL(
                new AutoencoderKLConfig
                {
                    BlockOutChannels = [8, 16],
                    NormNumGroups = 4,
                    LatentChannels = 4,
                    ScalingFactor = 1.25,
                    ShiftFactor = 0.5,
                }
            )
        );
        var clip = Initialized(
            new OpenClipModel(
                new OpenClipConfig
                {
                    EmbedDim = 6,
                    Text = new OpenClipTowerConfig(8, 2, 2, 4),
                    Vision = new OpenClipTowerConfig(8, 2, 2, 4),
                    ContextLength = 7,
                    VocabSize = 20,
                    ImageSize = 8,
                    PatchSize = 4,
                }
            )
        );
        var reward = ClipReward.HpsV2(clip);
        using var world = new TransformerWorld();
        var ids_BL = torch.tensor(new long[] { 1, 4, 2, 19, 0, 0, 0, 1, 7, 8, 9, 19, 0, 0 }).reshape(2, 7);
        (double[] Scores, double[] Gradient) Score()
        {
            var latents_B = world.Noise.clone().requires_grad_();
            var text_BP = reward.EmbedText(ids_BL);
            var score_B = reward.Score(LatentReward.Pixels(vae, latents_B), text_BP);
            Assert.That(score_B.dtype, Is.EqualTo(ScalarType.Float32));
            score_B.sum().backward();
            return (TensorValues.Numbers(score_B), TensorValues.Numbers(latents_B.grad!));
        }
        var expected = Score();
        vae.to(ScalarType.BFloat16);
        clip.to(ScalarType.BFloat16);
        var found = Score();
        TestContext.Out.WriteLine(
            $"bf16 reward: scores {string.Join(", ", found.Scores)} for {string.Join(", ", expected.Scores)},"
                + $" gradient {TransformerWorld.RelativeNorm(found.Gradient, expected.Gradient):e2}"
        );
        Assert.That(found.Scores, Is.EqualTo(expected.Scores).Within(2e-2));
        // Two untrained networks, one after the other, each with every activation rounded to 8 bits: a tenth, measured.
        Assert.That(TransformerWorld.RelativeNorm(found.Gradient, expected.Gradient), Is.LessThan(0.15));
    }

    private static T Initialized<T>(T module)
        where T : nn.Module
    {
        ParameterInitialization.Apply(module, seed: 3);
        foreach (var parameter in module.parameters())
        {
            parameter.requires_grad = false;
        }
        return module;
    }

    private sealed class SumReward : IReward
    {
        public Tensor Score(Tensor latents_R, Conditioning conditioning) => latents_R.sum([1, 2, 3]);
    }

    // At each pullback, the velocity that its inputs give, and the one that a rounded time would give.
    private sealed class RepeatingField(IVelocityField inner) : IVelocityField
    {
        public List<(double[] Velocity, double[] AtRoundedTime)> Repeated { get; } = [];

        public Tensor Evaluate(Tensor x_B, Tensor sigma_B, Conditioning conditioning, ForwardTrace? trace = null) =>
            inner.Evaluate(x_B, sigma_B, conditioning);

        public Tensor? Vjp(
            Tensor x_B,
            Tensor sigma_B,
            Conditioning conditioning,
            Tensor cotangent_B,
            bool wantInputGradient,
            KeptForward? kept = null,
            IParameterGradients? gradients = null
        )
        {
            using var scope = torch.NewDisposeScope();
            var rounded_B = sigma_B.to(ScalarType.BFloat16).to(sigma_B.dtype);
            Repeated.Add(
                (
                    TensorValues.Numbers(inner.Evaluate(x_B, sigma_B, conditioning)),
                    TensorValues.Numbers(inner.Evaluate(x_B, rounded_B, conditioning))
                )
            );
            return inner.Vjp(x_B, sigma_B, conditioning, cotangent_B, wantInputGradient)?.MoveToOuterDisposeScope();
        }
    }
}
