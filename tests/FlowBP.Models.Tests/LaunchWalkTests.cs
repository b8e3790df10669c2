using System.Diagnostics;
using FlowBP.Kernels.Cuda;
using FlowBP.Kernels.Cuda.Tests;
using FlowBP.Training.Alignment;
using FlowBP.Training.Configuration;
using FlowBP.Training.Pipelines;
using FlowBP.Training.Rewards;

namespace FlowBP.Models.Tests;

/// <summary>How many layers lie between the trainer and a launch: every one must have something to add.</summary>
public sealed class LaunchWalkTests
{
    private const int MostLayers = 9;

    [Test]
    public void From_the_trainer_to_the_launch_of_adaLN_are_nine_layers()
    {
        List<string> layers = [];
        var driver = new EmulatedDriver("reverse")
        {
            Launching = kernel =>
            {
                if (layers.Count == 0 && kernel.Contains("adaln", StringComparison.Ordinal))
                {
                    layers = Layers(new StackTrace());
                }
            },
        };
        var config = AlignmentConfig.Resolve([
            new("method", "flowbp-sparse"),
            new("num_active_steps", "1"),
            new("train_batch_size", "1"),
            new("rollout_steps", "2"),
        ]);
        using var model = new TextToImage(config.Model with { CpuWorkers = 1 }, config.Training);
        model.Model.Transformer.RolloutKernels = new CudaRolloutKernels(driver, driver.Kernel, stream: () => 0);
        using var reward = RewardFolder.Load(config.Judges.RewardFolder);
        using var trainer = new AlignmentTrainer(config, model, reward, ["a photo of a circle"]);
        trainer.Step(0);
        TestContext.Out.WriteLine(string.Join(" > ", layers));
        Assert.That(layers, Has.Count.LessThanOrEqualTo(MostLayers));
        // Methods that the compiler makes part of their callers are not seen; these are never.
        Assert.That(layers[0], Is.EqualTo(nameof(AlignmentTrainer)));
        Assert.That(layers[^1], Is.EqualTo(nameof(EmulatedDriver)));
    }

    // The types of this project on the stack, from the trainer down, each once. What is nested in a type is a part of it, and so is a
    // base class whose method calls one of the same object.
    private static List<string> Layers(StackTrace stack)
    {
        Type[] types =
        [
            .. stack
                .GetFrames()
                .Select(frame => frame.GetMethod()?.DeclaringType)
                .OfType<Type>()
                .Select(Outermost)
                .Where(type => type.Namespace?.StartsWith("FlowBP", StringComparison.Ordinal) is true)
                .Where(type => type != typeof(LaunchWalkTests))
                .Distinct()
                .Reverse(),
        ];
        return [.. types.Where(type => !types.Any(other => other.IsSubclassOf(type))).Select(type => type.Name)];
    }

    private static Type Outermost(Type type) => type.DeclaringType is { } outer ? Outermost(outer) : type;
}
