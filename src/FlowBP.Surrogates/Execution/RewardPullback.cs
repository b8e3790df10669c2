// The reward phase. An autoencoder's decode under autograd is the largest graph of a step, so images go through in
// chunks; the loss is normalised by the count of all of them, so the chunks change nothing. Perturbed copies of an image go
// through one after the other and add up: the loss is linear in each copy's score, up to the side of the hinge.
// Shape legend: B batch, R rows (copies × batch, copy-major), … the dimensions of one latent.

namespace FlowBP.Surrogates;

/// <summary>Scores the reward inputs, and pulls the loss back to them.</summary>
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
        var (input_R, renoised_R, evaluations) = new RewardInputs(field, schedule, kernels, options).Form(
            batch,
            rollout
        );
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

    private static void RequireFinite(string quantity, double[] values, int batch)
    {
        var row = Array.FindIndex(values, value => !double.IsFinite(value));
        if (row >= 0)
        {
            throw new NonFiniteException(quantity, row % batch);
        }
    }
}
