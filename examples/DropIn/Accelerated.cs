// The same loop. What is new: one optimizer in the place of clipping, AdamW and the average; blocks that keep their inputs alone
// for the backward pass; a checkpoint that PyTorch reads.

using FlowBP.Formats;
using FlowBP.Kernels;
using FlowBP.Training.Optimization;

namespace FlowBP.Examples.DropIn;

/// <summary>The trainer with the pieces of FlowBP.</summary>
internal static class Accelerated
{
    public static double[] Train(DiffusionTransformer model, int steps, string averageFile)
    {
        var losses = new double[steps];
        var settings = new AdamWSettings
        {
            WeightDecay = 0.01,
            EmaDecay = 0.99,
            MaxGradNorm = 1,
        };
        using var optimizer = new FusedAdamW(model.named_parameters(), settings, new CpuLatentKernels());
        model.RunBlocks = (h_BLD, time_BD) => CheckpointedBlocks.Forward(model.Blocks, h_BLD, time_BD);
        for (var step = 0; step < steps; step++)
        {
            using var scope = torch.NewDisposeScope();
            var batch = Waves.Of(step);
            var error_BLC = model.call(batch.X_BLC, batch.Sigma_B) - batch.Velocity_BLC;
            var loss = (error_BLC * error_BLC).mean();
            loss.backward();
            optimizer.Step(learningRate: 1e-3, optimizer.GradientNorm());
            losses[step] = loss.ToDouble();
        }
        optimizer.SwapWithEma();
        Checkpoint.Save(model, averageFile);
        return losses;
    }
}
