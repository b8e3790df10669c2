// One recorded training step: its settings go through the method registry, its indices through the planner's FromIndices,
// the resulting plan through the executor, and every intermediate is held against the recording.
// Shape legend: T steps, B batch, R reward rows, N re-noised copies, … the dimensions of one latent.

using System.Text.Json;

namespace FlowBP.Surrogates.Verification;

/// <summary>A case of a method fixture.</summary>
internal sealed class MethodCase
{
    private readonly JsonElement description;
    private readonly JsonElement hyper;
    private readonly JsonElement indices;
    private readonly IReadOnlyDictionary<string, Tensor> tensors;
    private readonly ILatentKernels kernels;
    private readonly string method;
    private readonly NoiseSchedule schedule;

    public MethodCase(JsonElement description, IReadOnlyDictionary<string, Tensor> tensors, ILatentKernels kernels)
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

    public void Run(Comparison comparison)
    {
        var plan = RecordedPlan.Of(schedule, method, hyper, indices);
        var network = new TinyNetwork(
            TinyNetwork.ParameterNames.ToDictionary(
                name => name,
                name => tensors[$"param.{name}"].detach().clone().requires_grad_(true)
            )
        );
        var guided = description.GetProperty("cfg_enabled").GetBoolean();
        var guidance = hyper.GetProperty("cfg_guidance").GetDouble();
        var batch = new SurrogateBatch
        {
            Plan = BatchPlan.Shared(plan, (int)tensors["x_init"].size(0)),
            Noise_B = tensors["x_init"],
            Conditioning = new(
                TinyNetwork.ConditioningName,
                tensors["cond"],
                guided ? new(TinyNetwork.ConditioningName, tensors["neg_cond"]) : null
            ),
            RewardConditioning = new(TinyNetwork.ConditioningName, tensors["cond"]),
            Renoise_NB = tensors.GetValueOrDefault("noise.eps"),
        };
        var field = new GuidedVelocityField(
            new AutogradVelocityField(network.Forward),
            guidance,
            hyper.GetProperty("cfg_detach_neg").GetBoolean()
        );
        var executor = new SurrogateExecutor(field, schedule, kernels, new() { Storage = ScalarType.Float64 });
        var reward = new TinyReward(tensors["reward.A"], description.GetProperty("reward_q").GetDouble());

        ComparePlan(comparison, plan);
        using var rollout = executor.Rollout(batch);
        CompareRollout(comparison, rollout);
        var weights = executor.Weigh(batch, rollout);
        CompareWeights(comparison, batch.Plan, rollout, weights);
        using var gradient = executor.RewardGradient(
            batch,
            rollout,
            weights,
            reward,
            Hinge(comparison, guided, guidance)
        );
        CompareReward(comparison, gradient);
        executor.AccumulateGradients(batch, rollout, gradient);
        foreach (var (name, parameter) in network.Parameters)
        {
            comparison.Tensors($"grad.{name}", parameter.grad ?? torch.zeros_like(parameter), tensors[$"grad.{name}"]);
        }
    }

    private HingeLoss Hinge(Comparison comparison, bool guided, double guidance)
    {
        var compensate = guided && hyper.GetProperty("cfg_grad_norm_compensate").GetBoolean();
        var divisor = hyper.GetProperty("gradient_accumulation_steps").GetDouble() * (compensate ? guidance : 1);
        comparison.Numbers("backward_divisor", [divisor], [description.GetProperty("backward_divisor").GetDouble()]);
        return new(
            description.GetProperty("hinge_lambda").GetDouble(),
            hyper.GetProperty("loss_grad_scale").GetDouble(),
            divisor
        );
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
        if (plan.RewardInput is PosteriorMean mean && indices.TryGetProperty("num_noised", out var copies))
        {
            comparison.Exactly("num_noised", [mean.RenoisedCopies], [copies.GetInt32()]);
        }
        if (tensors.TryGetValue("weights_kj", out var pre))
        {
            comparison.Numbers("weights_kj", plan.Leaps[0].Weights, Comparison.Values(pre));
            comparison.Numbers("weights_j0", plan.Leaps[1].Weights, Comparison.Values(tensors["weights_j0"]));
        }
        // Every active step is a differentiated evaluation of the recording, once per image of a sample.
        var recorded = RecordedPlan.Integers(description.GetProperty("grad_calls")).ToHashSet();
        comparison.Exactly("active steps", plan.ActiveSteps.Select(step => step.Index).Where(recorded.Add), []);
    }

    private void CompareRollout(Comparison comparison, RolloutCache rollout)
    {
        var x_TB = tensors["rollout.x"];
        var v_TB = tensors["rollout.v"];
        comparison.Tensors("rollout.x", rollout.X_TB.narrow(0, 0, x_TB.size(0)), x_TB);
        comparison.Tensors("rollout.v", rollout.V_TB.narrow(0, 0, v_TB.size(0)), v_TB);
    }

    private void CompareWeights(Comparison comparison, BatchPlan plan, RolloutCache rollout, TrajectoryWeights weights)
    {
        Optional(comparison, "sample_weights", weights.Weights);
        Optional(comparison, "d_j", weights.SplitDeviation);
        Optional(comparison, "d_0", weights.EndDeviation);
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
        Optional(comparison, "reward", gradient.Scores);
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
