// Whole training steps on a GPU against the same steps on the CPU. They take a GPU, the driver, a libtorch with CUDA and NVRTC; where
// one is missing they say which.

using FlowBP.Training.Alignment;
using FlowBP.Training.Configuration;
using FlowBP.Training.Devices;
using FlowBP.Training.Evaluation;
using FlowBP.Training.Pipelines;
using FlowBP.Training.Rewards;
using FlowBP.Training.Runs;

namespace FlowBP.Training.Tests;

/// <summary>What a run computes does not depend on where, up to the latents' rounding.</summary>
public class CudaAlignmentTests
{
    private const int Steps = 3;

    private ComputeDevice gpu = null!;

    [OneTimeSetUp]
    public void OpenGpu()
    {
        try
        {
            gpu = ComputeDevice.Open("cuda");
        }
        catch (DeviceUnavailableException e)
        {
            Assert.Ignore(e.Message);
        }
    }

    [OneTimeTearDown]
    public void CloseGpu() => gpu?.Dispose();

    [TestCase("flowbp-sparse")]
    [TestCase("flowbp-bridge")]
    [TestCase("flowbp-lagrange")]
    [TestCase("leapalign")]
    [TestCase("draft-lv")]
    public void Steps_agree_with_the_CPUs(string method)
    {
        // bfloat16 has 8 bits: a latent that is rounded the other way moves by 2^-8 of its size.
        const double tolerance = 2e-2;
        var config = AlignmentConfig.Resolve([new("method", method), new("train_batch_size", "4")]);
        var expected = Train(config, ComputeDevice.Cpu);
        var actual = Train(config, gpu);
        foreach (var (there, here) in actual.Zip(expected))
        {
            Assert.That(there.Surrogate.Loss, Is.EqualTo(here.Surrogate.Loss).Within(tolerance));
            Assert.That(there.Surrogate.Reward, Is.EqualTo(here.Surrogate.Reward).Within(tolerance));
            Assert.That(there.GradNorm, Is.EqualTo(here.GradNorm).Within(100 * tolerance).Percent);
            Assert.That(
                there.Surrogate.ReconstructionError is null,
                Is.EqualTo(here.Surrogate.ReconstructionError is null)
            );
            if (there.Surrogate.ReconstructionError is { } error)
            {
                TestContext.Out.WriteLine($"{method}, step {there.Step}: reconstruction error {error}");
                Assert.That(error, Is.LessThan(tolerance));
            }
            Assert.That(there.PeakMemoryBytes, Is.Not.Negative);
        }
    }

    [Test]
    public void Pictures_and_scores_agree_with_the_CPUs()
    {
        var prompts = PromptFile.Read(EmbeddedAssets.TestPrompts).Take(3).ToArray();
        var expected = Evaluate(prompts, ComputeDevice.Cpu);
        var actual = Evaluate(prompts, gpu);
        foreach (var (there, here) in actual.Shown.Zip(expected.Shown))
        {
            Assert.That(there.Planes, Is.EqualTo(here.Planes).Within(2e-2), here.Prompt);
        }
        Assert.That(
            actual.Of(RewardJudge.Training)!.Scores,
            Is.EqualTo(expected.Of(RewardJudge.Training)!.Scores).Within(2e-2)
        );
    }

    [Test]
    public void A_model_on_a_GPU_has_no_CPU_workers_and_all_its_tensors_there()
    {
        using var model = new TextToImage(ModelFolder.At(EmbeddedAssets.Model, 3) with { CpuWorkers = 4 }, device: gpu);
        Assert.That(model.Workers, Is.Null);
        Assert.That(
            model.Model.Transformer.state_dict().Values.Concat(model.Model.Vae.state_dict().Values),
            Is.All.Matches<Tensor>(tensor => tensor is not null && tensor.device.ToString() == gpu.Device.ToString())
        );
        using var conditioning = model.Painter.Encode(["a photo of a red circle"]);
        Assert.That(conditioning.Device, Is.EqualTo(gpu.Device));
    }

    private static EvaluationResult Evaluate(string[] prompts, ComputeDevice device)
    {
        using var model = new TextToImage(ModelFolder.At(EmbeddedAssets.Model, 3), device: device);
        using var reward = RewardFolder.Load(EmbeddedAssets.Reward, device.Device);
        using var heldOut = RewardFolder.Load(EmbeddedAssets.HeldOutReward, device.Device);
        return new ImageEvaluator(prompts, PictureJudges.Of(prompts, reward, heldOut), steps: 4, seed: 1).Run(model);
    }

    private static List<StepReport> Train(AlignmentConfig config, ComputeDevice device)
    {
        using var model = new TextToImage(config.Model with { CpuWorkers = 1 }, device: device);
        using var reward = RewardFolder.Load(config.Judges.RewardFolder, device.Device);
        using var trainer = new AlignmentTrainer(config, model, reward, PromptFile.Read(config.Prompts));
        return [.. Enumerable.Range(0, Steps).Select(trainer.Step)];
    }
}
