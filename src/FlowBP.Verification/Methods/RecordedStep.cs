// One recorded training step, whatever networks it was recorded with: its settings go through the method registry, its
// indices through the planner's FromIndices, the resulting plan through the executor, and every recorded intermediate is
// held against the executor's. Recordings of different origin name the same things differently, and hold more or fewer of
// them; what a recording lacks is not compared.
// Shape legend: T steps, B batch, R reward rows, N re-noised copies, … the dimensions of one latent.

using System.Text.Json;
using FlowBP.Surrogates;

namespace FlowBP.Verification.Methods;

/// <summary>What a recorded step ran on.</summary>
public sealed record RecordedWorld
{
    /// <summary>v_θ without guidance; its parameters receive the gradients.</summary>
    public required IVelocityField Field { get; init; }

    /// <summary>The conditioning, batch B; with a negative branch exactly if the step <see cref="RecordedStep.IsGuided"/>.</summary>
    public required Conditioning Conditioning { get; init; }

    /// <summary>The reward of latents.</summary>
    public required IReward Reward { get; init; }

    /// <summary>What the reward is conditioned on, batch B.</summary>
    public required Conditioning RewardConditioning { get; init; }

    /// <summary>What the recording stored latents in.</summary>
    public required ScalarType Storage { get; init; }
}

/// <summary>A recorded training step.</summary>
public sealed class RecordedStep
{
    private readonly JsonElement description;
    private readonly JsonElement hyper;
    private readonly JsonElement indices;
    private readonly IReadOnlyDictionary<string, Tensor> tensors;
    private readonly ILatentKernels kernels;
    private readonly string method;
    private readonly NoiseSchedule schedule;

    /// <summary>Reads what was recorded of the step besides its networks.</summary>
    /// <param name="description">The case in the manifest: method, hyper and indices at least.</param>
    /// <param name="tensors">Its tensors: <c>x_init</c>, <c>sigmas</c> and <c>timesteps</c> at least.</param>
    /// <param name="kernels">The kernels under test.</param>
    /// <exception cref="KeyNotFoundException">One of those is missing.</exception>
    public RecordedStep(JsonElement description, IReadOnlyDictionary<string, Tensor> tensors, ILatentKernels kernels)
    {
        this.description = description;
        this.tensors = tensors;
        this.kernels = kernels;
        hyper = description.GetProperty("hyper");
        indices = description.GetProperty("indices");
        method = description.GetProperty("method").GetString()!.Replace('_', '-');
        schedule = NoiseSchedule.FromSigmas(
            Comparison.Values(tensors["sigmas"]),
            Comparison.Values(tensors["timesteps"])
        );
    }

    /// <summary>B.</summary>
    public int Batch => (int)tensors["x_init"].size(0);

    /// <summary>
    /// Whether the step used classifier-free guidance: as recorded, otherwise as released, where its scale exceeds 1 and
    /// there is a negative branch.
    /// </summary>
    public bool IsGuided =>
        description.TryGetProperty("cfg_enabled", out var recorded)
            ? recorded.GetBoolean()
            : Guidance > 1 && tensors.Keys.Any(name => name.StartsWith("neg_", StringComparison.Ordinal));

    /// <summary>The loss of the step.</summary>
    public HingeLoss Hinge =>
        new(
            (
                description.TryGetProperty("hinge_lambda", out var threshold)
                    ? threshold
                    : hyper.GetProperty("loss_relu_clip")
            ).GetDouble(),
            hyper.GetProperty("loss_grad_scale").GetDouble(),
            hyper.GetProperty("gradient_accumulation_steps").GetDouble()
                * (IsGuided && hyper.GetProperty("cfg_grad_norm_compensate").GetBoolean() ? Guidance : 1)
        );

    private double Guidance => hyper.GetProperty("cfg_guidance").GetDouble();

    /// <summary>
    /// Repeats the step and compares everything recorded of it but the gradients of the parameters, which are left in
    /// the parameters.
    /// </summary>
    /// <param name="comparison">Receives the errors.</param>
    /// <param name="world">The networks and their inputs.</param>
    public void Run(Comparison comparison, RecordedWorld world)
    {
        var plan = RecordedPlan.Of(schedule, method, hyper, indices);
        var batch = new SurrogateBatch
        {
            Plan = BatchPlan.Shared(plan, Batch),
            Noise_B = tensors["x_init"],
            Conditioning = world.Conditioning,
            RewardConditioning = world.RewardConditioning,
            Renoise_NB = tensors.GetValueOrDefault("noise.eps"),
        };
        var field = new GuidedVelocityField(world.Field, Guidance, hyper.GetProperty("cfg_detach_neg").GetBoolean());
        var executor = new SurrogateExecutor(field, schedule, kernels, new() { Storage = world.Storage });
        var hinge = Hinge;

        if (description.TryGetProperty("backward_divisor", out var divisor))
        {
            comparison.Numbers("backward_divisor", [hinge.GradientDivisor], [divisor.GetDouble()]);
        }
        ComparePlan(comparison, plan);
        using var rollout = executor.Rollout(batch);
        CompareRollout(comparison, rollout);
        var weights = executor.Weigh(batch, rollout);
        CompareWeights(comparison, batch.Plan, rollout, weights);
        using var gradient = executor.RewardGradient(batch, rollout, weights, world.Reward, hinge);
        CompareReward(comparison, gradient);
        executor.AccumulateGradients(batch, rollout, gradient);
    }

    private void ComparePlan(Comparison comparison, SurrogatePlan plan)
    {
        foreach (var (name, factor) in plan.Rescale)
        {
            if (RecordedPlan.TryFind(indices, name, out var expected))
            {
                comparison.Numbers(name, [factor], [expected.GetDouble()]);
            }
        }
        foreach (var (name, drawn) in plan.Indices)
        {
            if (RecordedPlan.TryFind(indices, name, out var expected))
            {
                comparison.Exactly(name, drawn, RecordedPlan.Integers(expected));
            }
        }
        if (indices.TryGetProperty("window", out var window))
        {
            var ratio = hyper.TryGetProperty("train_step_tail_ratio", out var tail) ? tail.GetDouble() : 1;
            var found = TrainingWindow.Tail(schedule.Steps, ratio, method == "flowbp-bridge" ? 3 : 1);
            comparison.Exactly("window", [found.Start, found.End], RecordedPlan.Integers(window));
        }
        if (plan.RewardInput is PosteriorMean mean && RecordedPlan.TryFind(indices, "num_noised", out var copies))
        {
            comparison.Exactly("num_noised", [mean.RenoisedCopies], [copies.GetInt32()]);
        }
        if (tensors.TryGetValue("weights_kj", out var pre))
        {
            comparison.Numbers("weights_kj", plan.Leaps[0].Weights, Comparison.Values(pre));
            comparison.Numbers("weights_j0", plan.Leaps[1].Weights, Comparison.Values(tensors["weights_j0"]));
        }
        if (description.TryGetProperty("grad_calls", out var calls))
        {
            // Every active step is a differentiated evaluation of the recording, once per image of a sample.
            var recorded = RecordedPlan.Integers(calls).ToHashSet();
            comparison.Exactly("active steps", plan.ActiveSteps.Select(step => step.Index).Where(recorded.Add), []);
        }
    }

    private void CompareRollout(Comparison comparison, RolloutCache rollout)
    {
        Steps("rollout.x", rollout.X_TB);
        Steps("rollout.v", rollout.V_TB);

        // A recording may leave out the end that no step was made to.
        void Steps(string name, Tensor actual_TB)
        {
            if (tensors.TryGetValue(name, out var expected_TB))
            {
                comparison.Tensors(name, actual_TB.narrow(0, 0, expected_TB.size(0)), expected_TB);
            }
        }
    }

    private void CompareWeights(Comparison comparison, BatchPlan plan, RolloutCache rollout, TrajectoryWeights weights)
    {
        Optional(comparison, "sample_weights", weights.Weights);
        Optional(comparison, "d_j", weights.SplitDeviation);
        Optional(comparison, "d_0", weights.EndDeviation);
        // Released LeapAlign reports these two after it has pinned the predictions; its weights are made of those before.
        if (method != "leapalign")
        {
            Optional(comparison, "dj_per_sample", weights.SplitDeviation);
            Optional(comparison, "d0_per_sample", weights.EndDeviation);
        }
        Optional(comparison, "keep_mask", [.. weights.Keep.Select(keep => keep ? 1.0 : 0.0)]);
        if (plan.Samples[0].Leaps.Count == 2)
        {
            var measure = new LeapMeasure(kernels);
            Optional(comparison, "xj_pred", measure.Predict(plan, rollout, 0));
            Optional(comparison, "x0_pred", measure.Predict(plan, rollout, 1));
        }
    }

    private void CompareReward(Comparison comparison, RewardGradient gradient)
    {
        Optional(comparison, "x0_reward_input", gradient.Input_R);
        Optional(comparison, "x0", gradient.Input_R);
        Optional(comparison, "reward", gradient.Scores);
        Optional(comparison, "reward_mean", [gradient.Scores.Average()]);
        Optional(comparison, "loss", [gradient.Loss]);
        Optional(comparison, "grad_x0", gradient.Gradient_R);
        if (gradient.Renoised_R is { } renoised_R && tensors.TryGetValue("x_last_noised", out var expected))
        {
            comparison.Numbers("x_last_noised", Comparison.Values(renoised_R), Comparison.Values(expected));
        }
    }

    private void Optional(Comparison comparison, string name, double[]? actual)
    {
        if (tensors.TryGetValue(name, out var expected))
        {
            comparison.Numbers(name, actual ?? [], Comparison.Values(expected));
        }
    }

    private void Optional(Comparison comparison, string name, Tensor actual)
    {
        if (tensors.TryGetValue(name, out var expected))
        {
            comparison.Tensors(name, actual, expected);
        }
    }
}
