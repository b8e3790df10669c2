// The executor and the rollout with the CUDA implementations. The kernels' text runs on this machine's CPU, through the driver's
// interface and with the memory of libtorch's tensors, so whole steps can be compared to the bit.

using FlowBP.Kernels.Cuda;
using FlowBP.Kernels.Cuda.Tests;
using FlowBP.RandomStreams;

namespace FlowBP.Surrogates.Tests;

/// <summary>Whoever implements the kernels, a step's numbers are the same.</summary>
public class CudaExecutorTests
{
    private const double Guidance = 3.5;

    private static IEnumerable<string> Methods => MethodRegistry.All.Select(method => method.Name);

    private static IEnumerable<ScalarType> Storages => [ScalarType.BFloat16, ScalarType.Float32, ScalarType.Float64];

    [Test, Combinatorial]
    public void A_step_of_every_method_has_the_CPU_implementations_bits(
        [ValueSource(nameof(Methods))] string method,
        [ValueSource(nameof(Storages))] ScalarType storage
    )
    {
        using var world = NewWorld(storage, steps: 16);
        var definition = MethodRegistry.Get(method);
        var planner = definition.Create([]);
        var plan = BatchPlan.Draw(
            planner,
            world.Schedule,
            world.Batch,
            DrawScope.PerSample,
            b => RandomStream.For(3, 0, b, RandomPurpose.Indices)
        );
        var driver = new EmulatedDriver("forward");
        using var latents = Latents(driver);
        var expected = Step(world, plan, new CpuLatentKernels(), null, storage);
        var actual = Step(world, plan, latents, Rollout(driver), storage);
        Assert.That(expected.Any(number => number != 0), Is.True);
        Assert.That(Bits(actual), Is.EqualTo(Bits(expected)));
        Assert.That(driver.Launches, Is.GreaterThan(world.Schedule.Steps));
    }

    /// <summary>Who fuses; null: who doesn't.</summary>
    private static readonly Dictionary<string, Func<IRolloutKernels>> s_fused = new()
    {
        ["scalar reference"] = () => new ScalarRolloutKernels(),
        ["CUDA, emulated"] = () => Rollout(new EmulatedDriver("reverse", poison: 0x41)),
    };

    private static IEnumerable<string> Fused => s_fused.Keys;

    [Test, Combinatorial]
    public void A_fused_rollout_has_the_bits_of_the_separate_operations(
        [ValueSource(nameof(Fused))] string fused,
        [Values(ScalarType.BFloat16, ScalarType.Float32)] ScalarType storage,
        [Values(ScalarType.BFloat16, ScalarType.Float32)] ScalarType network,
        [Values(1, Guidance)] double guidance,
        [Values(2, int.MaxValue)] int chunk
    )
    {
        using var world = NewWorld(storage);
        var field = new GuidedVelocityField(Field(world, network), guidance);
        int[] stepsOf = [8, 3, 5];
        var separate = new Rollout(field, world.Schedule, new CpuLatentKernels(), storage, chunk);
        var together = new Rollout(field, world.Schedule, new CpuLatentKernels(), storage, chunk, s_fused[fused]());
        using var expected = separate.Run(world.Noise, world.Conditioning, stepsOf);
        using var actual = together.Run(world.Noise, world.Conditioning, stepsOf);
        Assert.That(BitsOf(actual.V_TB), Is.EqualTo(BitsOf(expected.V_TB)));
        Assert.That(BitsOf(actual.X_TB), Is.EqualTo(BitsOf(expected.X_TB)));
        Assert.That(actual.Evaluations, Is.EqualTo(expected.Evaluations));
        using var end = separate.Sample(world.Noise, world.Conditioning);
        using var fusedEnd = together.Sample(world.Noise, world.Conditioning);
        Assert.That(BitsOf(fusedEnd), Is.EqualTo(BitsOf(end)));
    }

    [Test]
    public void A_field_without_guidance_is_stepped_too()
    {
        using var world = NewWorld(ScalarType.BFloat16);
        var field = Field(world, ScalarType.Float64);
        var kernels = new CpuLatentKernels();
        var together = new Rollout(field, world.Schedule, kernels, fused: new ScalarRolloutKernels());
        using var expected = new Rollout(field, world.Schedule, kernels).Run(world.Noise, world.Conditioning);
        using var actual = together.Run(world.Noise, world.Conditioning);
        // Float64 velocities are rounded twice.
        Assert.That(
            TensorValues.Numbers(actual.X_TB),
            Is.EqualTo(TensorValues.Numbers(expected.X_TB))
                .Within(2)
                .Percent.Or.EqualTo(TensorValues.Numbers(expected.X_TB))
                .Within(2e-2)
        );
    }

    [Test]
    public void Tensors_in_main_memory_are_refused_by_kernels_of_a_GPU()
    {
        using var world = NewWorld(ScalarType.Float32);
        var driver = new EmulatedDriver("forward");
        using var latents = new CudaLatentKernels(driver, driver.Kernel, () => 0, deviceIndex: 1);
        var rollout = new Rollout(Field(world, ScalarType.Float32), world.Schedule, latents, ScalarType.Float32);
        Assert.That(
            () => rollout.Run(world.Noise, world.Conditioning),
            Throws
                .ArgumentException.With.Message.Contains("the kernels work on cuda:1")
                .And.Message.Contains("is on cpu")
        );
        Assert.That(driver.Launches, Is.Zero);
    }

    [Test]
    public void The_stream_is_asked_for_at_each_launch()
    {
        var driver = new EmulatedDriver("forward");
        nint stream = 4;
        using var latents = new CudaLatentKernels(driver, driver.Kernel, () => stream);
        var rollout = new CudaRolloutKernels(driver, driver.Kernel, () => stream);
        Assert.That((latents.Stream, rollout.Stream), Is.EqualTo(((nint)4, (nint)4)));
        stream = 7;
        Assert.That((latents.Stream, rollout.Stream), Is.EqualTo(((nint)7, (nint)7)));
    }

    private static World NewWorld(ScalarType storage, int steps = 8) =>
        new(steps: steps, type: storage == ScalarType.Float64 ? storage : ScalarType.Float32, guided: true);

    private static CudaLatentKernels Latents(EmulatedDriver driver) => new(driver, driver.Kernel, () => 0);

    private static CudaRolloutKernels Rollout(EmulatedDriver driver) => new(driver, driver.Kernel, () => 0);

    private static AutogradVelocityField Field(World world, ScalarType? output = null) =>
        new(
            (x_B, sigma_B, conditioning) =>
            {
                var velocity_B = world.Network.Forward(x_B.to(world.Type), sigma_B.to(world.Type), conditioning);
                return velocity_B.to(output ?? world.Type);
            }
        );

    // Everything that a step computes, in doubles: caches, weights, scores, the reward's gradient, the parameters' gradients.
    private static double[] Step(
        World world,
        BatchPlan plan,
        ILatentKernels kernels,
        IRolloutKernels? rolloutKernels,
        ScalarType storage
    )
    {
        world.ClearGradients();
        var inputs = world.Inputs(plan);
        var executor = new SurrogateExecutor(
            new GuidedVelocityField(Field(world), Guidance),
            world.Schedule,
            kernels,
            new() { Storage = storage, RolloutKernels = rolloutKernels }
        );
        var reward = new WideReward(world.Reward, world.Type);
        using var rollout = executor.Rollout(inputs);
        var weights = executor.Weigh(inputs, rollout);
        using var gradient = executor.RewardGradient(inputs, rollout, weights, reward, world.Hinge);
        executor.AccumulateGradients(inputs, rollout, gradient);
        return
        [
            .. TensorValues.Numbers(rollout.X_TB),
            .. TensorValues.Numbers(rollout.V_TB),
            .. weights.Weights,
            .. weights.SplitDeviation ?? [],
            .. weights.EndDeviation ?? [],
            .. gradient.Scores,
            .. gradient.SquaredNorms,
            .. TensorValues.Numbers(gradient.Gradient_R),
            .. world.Gradients(),
        ];
    }

    private static long[] Bits(IEnumerable<double> numbers) => [.. numbers.Select(BitConverter.DoubleToInt64Bits)];

    private static long[] BitsOf(Tensor tensor) => Bits(TensorValues.Numbers(tensor));

    private sealed class WideReward(IReward reward, ScalarType type) : IReward
    {
        public Tensor Score(Tensor latents_R, Conditioning conditioning) =>
            reward.Score(latents_R.to(type), conditioning);
    }
}
