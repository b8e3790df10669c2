// Whole steps of the embedded model in bfloat16, block by block, from kept block inputs, against the same in float32 by plain
// autograd.

using FlowBP.Formats;
using FlowBP.Kernels;
using FlowBP.Surrogates;
using FlowBP.Training.Alignment;
using FlowBP.Training.Configuration;
using FlowBP.Training.Pipelines;
using FlowBP.Training.Rewards;

namespace FlowBP.Training.Tests;

/// <summary>What types and memory modes do to a whole gradient, and to what a run leaves behind.</summary>
public class TrainingSettingsTests
{
    private static readonly TrainingSettings Blocks = new() { GradientCheckpointing = "blocks" };

    private TemporaryFolder folder = null!;

    [SetUp]
    public void CreateFolder() => folder = new();

    [TearDown]
    public void DeleteFolder() => folder.Dispose();

    [Test]
    public void A_gradient_block_by_block_from_kept_inputs_in_chunks_is_autograds()
    {
        var expected = Gradient(
            ScalarType.Float32,
            new(),
            new() { Storage = ScalarType.Float32, Reuse = RolloutReuse.Off }
        );
        var found = Gradient(
            ScalarType.Float32,
            Blocks,
            new()
            {
                Storage = ScalarType.Float32,
                Reuse = RolloutReuse.On,
                RolloutChunk = 3,
                RewardChunk = 1,
                VjpChunk = 2,
            }
        );
        Assert.That(TransformerWorld.RelativeNorm(found, expected), Is.LessThan(1e-4));
    }

    [Test]
    public void In_bfloat16_it_points_the_same_way()
    {
        var expected = Gradient(ScalarType.Float32, new(), new() { Reuse = RolloutReuse.Off });
        var found = Gradient(ScalarType.BFloat16, Blocks, new() { Reuse = RolloutReuse.On });
        var cosine =
            found.Zip(expected).Sum(pair => pair.First * pair.Second)
            / Math.Sqrt(found.Sum(value => value * value) * expected.Sum(value => value * value));
        TestContext.Out.WriteLine($"bf16 against fp32: cosine {cosine:f4}");
        Assert.That(cosine, Is.GreaterThan(0.98));
    }

    [Test]
    public void A_run_in_bfloat16_moves_the_masters_and_saves_them()
    {
        var config = AlignmentConfig.Resolve([new("train_batch_size", "4"), new("rollout_steps", "6")]);
        using var model = new TextToImage(
            config.Model with
            {
                ComputeDtype = ScalarType.BFloat16,
                CpuWorkers = 1,
            },
            Blocks
        );
        using var reward = RewardFolder.Load(config.Judges.RewardFolder);
        var before = model.Masters!.Masters.ToDictionary(p => p.Name, p => TensorValues.Numbers(p.Parameter));
        using (var trainer = new AlignmentTrainer(config, model, reward, PromptFile.Read(config.Prompts)))
        {
            for (var step = 0; step < 2; step++)
            {
                Assert.That(trainer.Step(step).GradNorm, Is.GreaterThan(0));
            }
        }
        model.Storage.Save(folder.Of("model"));
        using var file = SafetensorsFile.Open(
            Path.Combine(folder.Of("model"), "transformer", "diffusion_pytorch_model.safetensors")
        );
        foreach (var (name, master) in model.Masters.Masters)
        {
            using var saved = file.Load(name);
            Assert.That(saved.dtype, Is.EqualTo(ScalarType.Float32), name);
            Assert.That(TensorValues.Numbers(saved), Is.EqualTo(TensorValues.Numbers(master)), name);
        }
        Assert.That(
            model.Masters.Masters.Count(p => !TensorValues.Numbers(p.Parameter).SequenceEqual(before[p.Name])),
            Is.GreaterThan(before.Count / 2)
        );
        Assert.That(model.Model.Transformer.parameters().Select(p => p.dtype), Is.All.EqualTo(ScalarType.BFloat16));
    }

    private static double[] Gradient(ScalarType type, TrainingSettings training, ExecutorOptions options)
    {
        const int batch = 8;
        using var model = new TextToImage(
            ModelFolder.At(EmbeddedAssets.Model, 3) with
            {
                ComputeDtype = type,
            },
            training
        );
        // Rounding moves a picture a little, and this reward's gradient least with it: it leaves the network's to be compared.
        using var imageReward = RewardFolder.Load(EmbeddedAssets.RenderReward);
        string[] prompts = [.. PromptFile.Read(EmbeddedAssets.TestPrompts).Take(batch)];
        using var conditioning = model.Painter.Encode(prompts);
        using var rewardConditioning = imageReward.Encode(prompts);
        using var noise_B = Noise.Of(model.LatentShape, batch, 1, 0);
        var schedule = model.Schedule(6);
        var inputs = new SurrogateBatch
        {
            Plan = BatchPlan.Shared(new BridgePlanner(new()).FromIndices(schedule, 3, [1], [3, 5]), batch),
            Noise_B = noise_B,
            Conditioning = conditioning,
            RewardConditioning = rewardConditioning,
        };
        var executor = new SurrogateExecutor(model.Field, schedule, new CpuLatentKernels(), options);
        using var rollout = executor.Rollout(inputs);
        Assert.That(rollout.KeptBytes > 0, Is.EqualTo(options.Reuse == RolloutReuse.On));
        var weights = executor.Weigh(inputs, rollout);
        var reward = new LatentReward(model.Model.Vae, imageReward);
        using var gradient = executor.RewardGradient(inputs, rollout, weights, reward, new(Threshold: 2));
        executor.AccumulateGradients(inputs, rollout, gradient);
        var parameters =
            model.Masters?.Masters ?? model.Model.Transformer.named_parameters().Select(p => (p.name, p.parameter));
        return
        [
            .. parameters
                .Where(each => each.Item2.grad is not null)
                .SelectMany(each => TensorValues.Numbers(each.Item2.grad!)),
        ];
    }
}
