// The full-size benchmark on networks so small that a test can wait for them: the same construction, trainer and plan.

using FlowBP.Benchmarks.FullSize;
using FlowBP.Families;
using FlowBP.Families.Flux1;
using FlowBP.Families.Flux2;
using FlowBP.Families.SD3;
using FlowBP.Models.Autoencoders;
using FlowBP.Models.Clip;
using FlowBP.Training.Devices;
using FlowBP.Training.Planning;

namespace FlowBP.Benchmarks.Cuda.Tests;

public class FullSizeTests
{
    private static readonly string[] s_parts = ["encode", "rollout", "weigh", "reward", "vjps", "optimizer"];

    private static readonly AutoencoderKLConfig s_autoencoder = new()
    {
        BlockOutChannels = [8, 16],
        NormNumGroups = 4,
        LatentChannels = 4,
        SampleSize = 16,
    };

    private static readonly OpenClipConfig s_reward = new()
    {
        EmbedDim = 8,
        Vision = new(16, 2, 1, 2),
        Text = new(16, 2, 1, 2),
        VocabSize = 64,
        ImageSize = 28,
        PatchSize = 14,
    };

    private static readonly Dictionary<string, Func<FullSizeModel>> s_small = new()
    {
        ["sd35"] = () =>
            FullSizeModel.Of(
                SD3Family.ReleasedTransformer with
                {
                    InChannels = 4,
                    OutChannels = 4,
                    NumLayers = 2,
                    AttentionHeadDim = 8,
                    NumAttentionHeads = 2,
                    JointAttentionDim = 12,
                    PooledProjectionDim = 6,
                    PosEmbedMaxSize = 8,
                    DualAttentionLayers = [0],
                },
                s_autoencoder,
                s_reward
            ),
        ["flux1"] = () =>
            FullSizeModel.Of(
                Flux1Family.ReleasedTransformer with
                {
                    InChannels = 16,
                    OutChannels = 16,
                    NumLayers = 1,
                    NumSingleLayers = 1,
                    AttentionHeadDim = 8,
                    NumAttentionHeads = 2,
                    JointAttentionDim = 12,
                    PooledProjectionDim = 6,
                    AxesDimsRope = [2, 2, 4],
                },
                s_autoencoder,
                s_reward
            ),
        ["flux2"] = () =>
            FullSizeModel.Of(
                Flux2Family.ReleasedTransformer with
                {
                    InChannels = 16,
                    OutChannels = 16,
                    NumLayers = 1,
                    NumSingleLayers = 1,
                    AttentionHeadDim = 8,
                    NumAttentionHeads = 2,
                    JointAttentionDim = 12,
                    AxesDimsRope = [2, 2, 2, 2],
                },
                new AutoencoderKLFlux2Config { Towers = s_autoencoder },
                s_reward
            ),
    };

    [TestCase("sd35")]
    [TestCase("sd35", "--compute", "bf16", "--reward_dtype", "fp32", "--checkpointing", "blocks")]
    [TestCase("flux1")]
    [TestCase("flux2", "--lora_rank", "2", "--checkpointing", "blocks")]
    public void A_step_has_all_parts_finite_numbers_and_operations(string name, params string[] settings)
    {
        var result = Measured(name, settings);

        Assert.That(result.Steps, Has.Count.EqualTo(2));
        foreach (var step in result.Steps)
        {
            Assert.That(step.SecondsByPart.Keys, Is.EquivalentTo(s_parts));
            Assert.That(double.IsFinite(step.Surrogate.Loss) && double.IsFinite(step.GradNorm));
            Assert.That(step.GradNorm, Is.Positive);
            Assert.That(step.PeakMemoryBytes, Is.Positive);
        }
        foreach (var part in (string[])["rollout", "reward", "vjps"])
        {
            Assert.That(FullSizeReport.Flops(result, part), Is.Positive, part);
        }
        Assert.That(result.Matrices.FlopsPerSecond, Is.Positive);
    }

    [Test]
    public void Operations_that_are_repeated_are_not_the_models()
    {
        var whole = Measured("sd35");
        var blocks = Measured("sd35", "--checkpointing", "blocks");

        Assert.That(whole.ModelFlops, Is.EqualTo(whole.Plan.Work.Sum(part => part.Flops)));
        Assert.That(blocks.ModelFlops, Is.EqualTo(whole.ModelFlops));
        Assert.That(FullSizeReport.Flops(blocks, "vjps"), Is.GreaterThan(FullSizeReport.Flops(whole, "vjps")));
    }

    [Test]
    public void The_report_has_a_row_for_every_part_and_the_utilisation()
    {
        var text = FullSizeReport.Of(Measured("sd35"));

        foreach (var part in s_parts)
        {
            Assert.That(text, Does.Contain($"| {part} | "));
        }
        Assert.That(text, Does.Contain("* MFU: ").And.Contain("* peak memory of a step: "));
    }

    [TestCase("sd35")]
    [TestCase("flux1")]
    [TestCase("flux2")]
    public void The_networks_are_those_of_the_plan(string name)
    {
        var model = s_small[name]();
        using var values = new RandomValues(torch.CPU);
        using var backbone = model.Build(values, new(ScalarType.Float32, ScalarType.BFloat16));
        var planned = new RunPlan(FullSizeRun.Request(model.Planned, Options(name).Config));

        Assert.That(
            backbone.Transformer.parameters().Sum(parameter => parameter.numel()),
            Is.EqualTo(planned.TransformerParameters)
        );
        Assert.That(
            backbone.Vae.parameters().Sum(parameter => parameter.numel()),
            Is.EqualTo(model.Planned.AutoencoderParameters)
        );
        Assert.That(backbone.Transformer.parameters(), Has.All.Property("dtype").EqualTo(ScalarType.Float32));
        Assert.That(backbone.Vae.parameters(), Has.All.Property("dtype").EqualTo(ScalarType.BFloat16));
    }

    [Test]
    public void A_random_network_takes_no_more_memory_than_it_has()
    {
        using var values = new RandomValues(torch.CPU);
        CountedMemory.ResetPeak();
        var before = CountedMemory.CurrentBytes;
        using var network = RandomNetwork.Build(values, ScalarType.BFloat16, () => nn.Linear(2000, 3000));
        var taken = CountedMemory.PeakBytes - before;

        Assert.That(taken, Is.LessThan(1.1 * sizeof(short) * (2000 * 3000 + 3000)));
        using var weight = network.weight!.detach().to(ScalarType.Float32);
        using var square = (weight * weight).mean();
        Assert.That(Math.Sqrt(square.item<float>()), Is.EqualTo(0.7 / Math.Sqrt(2000)).Within(2).Percent);
        Assert.That(network.bias!.detach().to(ScalarType.Float32).abs().sum().item<float>(), Is.Zero);
    }

    [Test]
    public void Short_names_are_settings_of_an_alignment()
    {
        var options = Options("flux2", "--steps", "9", "--active", "2", "--lora_rank", "4", "--output", "a.md");

        Assert.That(options.Model, Is.EqualTo("flux2"));
        Assert.That(options.Output, Is.EqualTo("a.md"));
        Assert.That(options.Config.Model.Size, Is.EqualTo(new ImageSize(16, 16)));
        Assert.That(options.Config.RolloutSteps, Is.EqualTo(9));
        Assert.That(options.Config.Model.ComputeDtype, Is.EqualTo(ScalarType.Float32));
        Assert.That(options.Config.Training.LoraRank, Is.EqualTo(4));
    }

    [Test]
    public void Without_a_device_a_gpu_is_asked_for_and_bf16()
    {
        var options = FullSizeOptions.Parse([]);

        Assert.That(options.Model, Is.EqualTo("sd35"));
        Assert.That(options.Config.Model.Device, Is.EqualTo("cuda"));
        Assert.That(options.Config.Model.ComputeDtype, Is.EqualTo(ScalarType.BFloat16));
        Assert.That(options.Config.Model.RewardDtype, Is.EqualTo(ScalarType.BFloat16));
        Assert.That(options.Config.Model.Size, Is.EqualTo(new ImageSize(512, 512)));
        Assert.That(options.Config.TrainBatchSize, Is.EqualTo(4));
    }

    [TestCase("sdxl")]
    [TestCase("sd35", "--batch")]
    [TestCase("sd35", "--layers", "0")]
    [TestCase("sd35", "--resolution", "500")]
    [TestCase("sd35", "--lerning_rate", "1")]
    [TestCase("sd35", "cuda")]
    public void What_is_not_understood_is_wrong_usage(params string[] arguments) =>
        Assert.That(FullSizeBenchmark.Run(arguments), Is.EqualTo(FullSizeBenchmark.WrongUsage));

    [Test]
    public void Without_a_gpu_nothing_is_measured()
    {
        if (CudaDriver.TryOpen(out var driver, out _))
        {
            driver.Dispose();
            Assert.Ignore("this machine has a GPU: run the benchmark");
        }
        Assert.That(FullSizeBenchmark.Run(["sd35"]), Is.EqualTo(FullSizeBenchmark.NotMeasured));
    }

    private static FullSizeOptions Options(string name, params string[] settings) =>
        FullSizeOptions.Parse([
            name,
            "--device",
            "cpu",
            "--batch",
            "2",
            "--resolution",
            "16",
            "--steps",
            "4",
            .. settings,
        ]);

    private static FullSizeResult Measured(string name, params string[] settings) =>
        FullSizeRun.Measure(
            s_small[name](),
            Options(name, ["--active", "2", .. settings]).Config,
            ComputeDevice.Cpu,
            warmUps: 1,
            steps: 2,
            _ => { }
        );
}
