// The loop as one writes it with TorchSharp alone: clipping, AdamW, and a moving average of the weights by hand.

namespace FlowBP.Examples.DropIn;

/// <summary>The trainer that was there already.</summary>
internal static class Plain
{
    public static double[] Train(DiffusionTransformer model, int steps)
    {
        var losses = new double[steps];
        using var optimizer = torch.optim.AdamW(model.parameters(), 1e-3, weight_decay: 0.01);
        var average = model.parameters().Select(p => p.detach().clone().DetachFromDisposeScope()).ToArray();
        for (var step = 0; step < steps; step++)
        {
            using var scope = torch.NewDisposeScope();
            var batch = Waves.Of(step);
            var error_BLC = model.call(batch.X_BLC, batch.Sigma_B) - batch.Velocity_BLC;
            var loss = (error_BLC * error_BLC).mean();
            optimizer.zero_grad();
            loss.backward();
            nn.utils.clip_grad_norm_(model.parameters(), 1);
            optimizer.step();
            using (torch.no_grad())
            {
                foreach (var (mean, parameter) in average.Zip(model.parameters()))
                {
                    mean.lerp_(parameter, 1 - 0.99);
                }
            }
            losses[step] = loss.ToDouble();
        }
        using (torch.no_grad())
        {
            foreach (var (mean, parameter) in average.Zip(model.parameters()))
            {
                parameter.copy_(mean);
                mean.Dispose();
            }
        }
        return losses;
    }
}
