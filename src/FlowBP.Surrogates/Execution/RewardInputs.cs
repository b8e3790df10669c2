// What the reward sees of a rollout. No autograd: the executor takes the rows as constants, and a plan says what they stand for.
// Shape legend: B batch, N re-noised copies, R rows (copies × batch, copy-major), T steps, … the dimensions of one latent.

namespace FlowBP.Surrogates;

/// <summary>Forms the reward inputs.</summary>
internal sealed class RewardInputs(
    IVelocityField field,
    NoiseSchedule schedule,
    ILatentKernels kernels,
    ExecutorOptions options
)
{
    /// <summary>Rows of the reward: the end or the posterior mean of each sample, then those of its re-noised copies.</summary>
    /// <param name="batch">The inputs.</param>
    /// <param name="rollout">The trajectory.</param>
    /// <returns>
    /// The rows [R, …], the re-noised states that those of copies were evaluated at [N·B, …], null where there are none, and the
    /// evaluations that took.
    /// </returns>
    /// <exception cref="ArgumentException">Noise of copies is missing.</exception>
    public (Tensor Input_R, Tensor? Renoised_R, Evaluations Evaluations) Form(
        SurrogateBatch batch,
        RolloutCache rollout
    )
    {
        using var noGrad = torch.no_grad();
        var plans = batch.Plan.Samples;
        int[] state_B = [.. plans.Select(plan => (plan.RewardInput as PosteriorMean)?.Step ?? plan.Steps)];
        double[] sigma_B = [.. state_B.Select(step => schedule.Sigmas[step])];
        // x_N is the case of weight 0.
        int[] index_B = [.. state_B.Select(step => Math.Min(step, rollout.Steps - 1))];
        double[] weight_B = [.. plans.Select((plan, b) => plan.RewardInput is PosteriorMean ? -sigma_B[b] : 0)];
        var mean_1B = torch.empty([1, .. rollout.X_TB.shape[1..]], rollout.X_TB.dtype, rollout.X_TB.device);
        kernels.Replay(
            LatentBuffers.OfSteps(rollout.X_TB, kernels.DeviceIndex),
            state_B,
            LatentBuffers.OfSteps(rollout.V_TB, kernels.DeviceIndex),
            index_B,
            weight_B,
            LatentBuffers.OfSteps(mean_1B, kernels.DeviceIndex)
        );
        GC.KeepAlive(rollout);
        var mean_B = mean_1B.squeeze(0);
        var copies = batch.Plan.RenoisedCopies;
        return copies == 0 ? (mean_B, null, default) : Renoise(batch, mean_B, state_B, sigma_B, copies);
    }

    private (Tensor Input_R, Tensor Renoised_R, Evaluations Evaluations) Renoise(
        SurrogateBatch batch,
        Tensor mean_B,
        int[] state_B,
        double[] sigma_B,
        int copies
    )
    {
        if (batch.Renoise_NB is not { } noise_NB || noise_NB.size(0) < copies)
        {
            throw new ArgumentException($"the plan re-noises {copies} copies, and needs noise for them", nameof(batch));
        }
        var type = AccumulationType.Of(mean_B);
        long[] column = [sigma_B.Length, .. Enumerable.Repeat(1L, (int)mean_B.dim() - 1)];
        var level_B = torch.tensor(sigma_B, device: mean_B.device).to(type).reshape(column);
        var evaluations = default(Evaluations);
        List<Tensor> renoised = [];
        List<Tensor> inputs = [mean_B];
        for (var copy = 0; copy < copies; copy++)
        {
            var noise_B = TensorChecks.Shaped(
                "the noise of a re-noised copy",
                noise_NB.select(0, copy),
                mean_B.shape,
                "as the latents"
            );
            var state = ((1 - level_B) * mean_B.to(type) + level_B * noise_B.to(type)).to(mean_B.dtype);
            var velocity = EvaluateInChunks(state, state_B, batch.Conditioning, ref evaluations);
            renoised.Add(state);
            inputs.Add((state.to(type) - level_B * velocity.to(type)).to(mean_B.dtype));
        }
        return (torch.cat(inputs, 0), torch.cat(renoised, 0), evaluations);
    }

    private Tensor EvaluateInChunks(Tensor x_B, int[] step_B, Conditioning conditioning, ref Evaluations evaluations)
    {
        List<Tensor> velocities = [];
        foreach (var rows in Enumerable.Range(0, step_B.Length).Chunk(options.RolloutChunk))
        {
            using var part = conditioning.Select(rows);
            double[] times = [.. rows.Select(row => schedule.NetworkTime(step_B[row]))];
            var sigma_B = torch.tensor(times, device: x_B.device).to(AccumulationType.Of(x_B));
            velocities.Add(field.Evaluate(x_B.narrow(0, rows[0], rows.Length), sigma_B, part));
            evaluations = evaluations.Add(rows.Length);
        }
        return torch.cat(velocities, 0);
    }
}
