// The reward phase. An autoencoder's decode under autograd is the largest graph of a step, so images go through in
// chunks; the loss is normalised by the count of all of them, so the chunks change nothing. Perturbed copies of an image go
// through one after the other and add up: the loss is linear in each copy's score, up to the side of the hinge.
// Shape legend: B batch, R rows (copies × batch, copy-major), … the dimensions of one latent.

namespace FlowBP.Surrogates;

/// <summary>Forms the reward inputs, scores them, and pulls the loss back to them.</summary>
internal sealed class RewardPullback(
    IVelocityField field,
    NoiseSchedule schedule,
    ILatentKernels kernels,
    ExecutorOptions options
)
{
    /// <summary>See <see cref="SurrogateExecutor.RewardGradient"/>.</summary>
    public RewardGradient Run(
        SurrogateBatch batch,
        RolloutCache rollout,
        TrajectoryWeights weights,
        IReward reward,
        HingeLoss hinge,
        double? count,
        RewardSmoothing smoothing
    )
    {
        using var scope = torch.NewDisposeScope();
        var evaluations = default(Evaluations);
        var (input_R, renoised_R) = Inputs(batch, rollout, ref evaluations);
        RequireNoise(batch, smoothing, input_R);
        var gradient_R = torch.zeros(input_R.shape, AccumulationType.Of(input_R), input_R.device);
        var rows = (int)input_R.size(0);
        double[][] scores = [.. Enumerable.Range(0, smoothing.Images).Select(_ => new double[rows])];
        var loss = new SmoothedHinge(hinge, smoothing, weights);
        var n = count ?? (double)weights.Kept * batch.Plan.Samples[0].RewardInput.Rows;
        Func<double>[] chunks =
        [
            .. Enumerable
                .Range(0, rows)
                .Chunk(ChunkSize(rows))
                .Select(chunk =>
                    (Func<double>)(() => Pull(chunk, batch, loss, reward, n, input_R, gradient_R, scores))
                ),
        ];
        var losses = options.Workers?.Run(chunks) ?? [.. chunks.Select(pull => pull())];
        var means =
            smoothing.Images == 1
                ? scores[0]
                : Enumerable.Range(0, rows).Select(row => scores.Average(copy => copy[row])).ToArray();
        RequireFinite("reward", means, batch.Plan.Batch);
        var norms = LatentBuffers.SquaredNorms(kernels, gradient_R);
        RequireFinite("reward gradient", norms, rollout.Batch);
        return new()
        {
            Input_R = input_R.MoveToOuterDisposeScope(),
            Gradient_R = gradient_R.MoveToOuterDisposeScope(),
            Renoised_R = renoised_R?.MoveToOuterDisposeScope(),
            Scores = means,
            CopyScores = scores,
            SquaredNorms = norms,
            Loss = losses.Sum(),
            Evaluations = evaluations,
        };
    }

    private int ChunkSize(int rows) =>
        options.Workers is { } workers
            ? Math.Min(options.RewardChunk, (rows + workers.Count - 1) / workers.Count)
            : options.RewardChunk;

    // One chunk's scores and gradients, into their places; returns its share of the loss.
    private double Pull(
        int[] chunk,
        SurrogateBatch batch,
        SmoothedHinge loss,
        IReward reward,
        double n,
        Tensor input_R,
        Tensor gradient_R,
        double[][] scores
    )
    {
        using var scope = torch.NewDisposeScope();
        int[] samples = [.. chunk.Select(row => row % batch.Plan.Batch)];
        using var conditioning = batch.RewardConditioning.Select(samples);
        var clean_R = input_R.narrow(0, chunk[0], chunk.Length).to(gradient_R.dtype);
        var sum_R = gradient_R.narrow(0, chunk[0], chunk.Length);
        var isFirst = true;
        for (var copy = 0; copy < scores.Length; copy++)
        {
            using var ofCopy = torch.NewDisposeScope();
            var latents_R = Copy(batch, loss.Smoothing, copy, chunk, clean_R);
            var score_R = Score(reward, latents_R, conditioning);
            var values = score_R.detach().to(ScalarType.Float64).cpu().data<double>().ToArray();
            values.CopyTo(scores[copy], chunk[0]);
            double[] derivatives = [.. values.Select((value, i) => loss.Derivative(value, samples[i], n))];
            if (derivatives.Any(derivative => derivative != 0))
            {
                using var pulled_R = Pulled(reward, latents_R, score_R, derivatives);
                using var noGrad = torch.no_grad();
                // A first copy is not added to zeros, which have a sign.
                _ = isFirst ? sum_R.copy_(pulled_R) : sum_R.add_(pulled_R);
                isFirst = false;
            }
        }
        var share = 0.0;
        for (var i = 0; i < chunk.Length; i++)
        {
            double[] values = [.. scores.Select(copy => copy[chunk[i]])];
            share += loss.Value(values, samples[i], n);
            if (loss.IsPast(values))
            {
                sum_R.narrow(0, i, 1).zero_();
            }
        }
        return share;
    }

    // Perturbed copies first, the image itself last.
    private static Tensor Copy(SurrogateBatch batch, RewardSmoothing smoothing, int copy, int[] chunk, Tensor clean_R)
    {
        using var noGrad = torch.no_grad();
        return (
            copy < smoothing.Copies
                ? clean_R
                    + batch.Smoothing_NR!.select(0, copy).narrow(0, chunk[0], chunk.Length).to(clean_R.dtype)
                        * smoothing.Std
                : clean_R.clone()
        )
            .detach()
            .requires_grad_(true);
    }

    private static Tensor Score(IReward reward, Tensor latents_R, Conditioning conditioning)
    {
        using var withGrad = torch.enable_grad();
        return TensorChecks.Shaped(
            "the reward's tensor of scores",
            reward.Score(latents_R, conditioning),
            [latents_R.size(0)],
            "one per row of latents"
        );
    }

    private static Tensor Pulled(IReward reward, Tensor latents_R, Tensor score_R, double[] derivatives)
    {
        TensorChecks.Differentiable("the reward's scores", score_R);
        using var cotangent_R = torch.tensor(derivatives, device: score_R.device).to(score_R.dtype);
        return Gradients.Of([score_R], [latents_R], [cotangent_R])[0]
            ?? throw new InvalidOperationException(
                $"the scores of {reward.GetType().Name} do not depend on the latents by differentiable operations, so there is"
                    + " no gradient to train with"
            );
    }

    private static void RequireNoise(SurrogateBatch batch, RewardSmoothing smoothing, Tensor input_R)
    {
        if (smoothing.IsOff)
        {
            return;
        }
        if (batch.Smoothing_NR is not { } noise_NR || noise_NR.size(0) < smoothing.Copies)
        {
            throw new ArgumentException(
                $"the reward is smoothed over {smoothing.Copies} perturbed copies, and needs noise for them",
                nameof(batch)
            );
        }
        using var first_R = noise_NR.select(0, 0);
        TensorChecks.Shaped("the noise of a perturbed copy", first_R, input_R.shape, "as the reward inputs");
    }

    // Rows of the reward: the end or the posterior mean of each sample, then those of its re-noised copies.
    private (Tensor Input_R, Tensor? Renoised_R) Inputs(
        SurrogateBatch batch,
        RolloutCache rollout,
        ref Evaluations evaluations
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
        return copies == 0 ? (mean_B, null) : Renoise(batch, mean_B, state_B, sigma_B, copies, ref evaluations);
    }

    private (Tensor Input_R, Tensor Renoised_R) Renoise(
        SurrogateBatch batch,
        Tensor mean_B,
        int[] state_B,
        double[] sigma_B,
        int copies,
        ref Evaluations evaluations
    )
    {
        if (batch.Renoise_NB is not { } noise_NB || noise_NB.size(0) < copies)
        {
            throw new ArgumentException($"the plan re-noises {copies} copies, and needs noise for them", nameof(batch));
        }
        var type = AccumulationType.Of(mean_B);
        long[] column = [sigma_B.Length, .. Enumerable.Repeat(1L, (int)mean_B.dim() - 1)];
        var level_B = torch.tensor(sigma_B, device: mean_B.device).to(type).reshape(column);
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
        return (torch.cat(inputs, 0), torch.cat(renoised, 0));
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

    private static void RequireFinite(string quantity, double[] values, int batch)
    {
        var row = Array.FindIndex(values, value => !double.IsFinite(value));
        if (row >= 0)
        {
            throw new NonFiniteException(quantity, row % batch);
        }
    }
}
