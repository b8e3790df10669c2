// A recorded anchor: a rollout at θ, its active steps, the velocities there of θ and of a reference, and the gradient that the anchor
// alone gives. The reward's part is silenced by a threshold that every image is past, so samples without a reward cotangent are what
// is tested throughout.
// Shape legend: S active steps, B batch, … the dimensions of one latent.

using System.Text.Json;
using FlowBP.Surrogates;

namespace FlowBP.Verification.Methods;

/// <summary>A case of kind velocity_l2, norm_hinge or combined.</summary>
internal sealed class AnchorCase(JsonElement description, IReadOnlyDictionary<string, Tensor> tensors)
    : IRegulariserCase
{
    private readonly JsonElement hyper = description.GetProperty("hyper");

    private int Batch => (int)tensors["x_init"].size(0);

    // Without its validation: recordings have hinges that a run is refused.
    private VelocityAnchor Anchor =>
        new(
            hyper.GetProperty("lambda_l2").GetDouble(),
            hyper.GetProperty("lambda_hinge").GetDouble(),
            hyper.GetProperty("margin").GetDouble(),
            hyper.GetProperty("power").GetInt32(),
            GradientDivisor: description.GetProperty("backward_divisor").GetDouble()
        );

    public void Run(Comparison comparison, ILatentKernels kernels)
    {
        var schedule = NoiseSchedule.FromSigmas(
            Comparison.Values(tensors["sigmas"]),
            Comparison.Values(tensors["timesteps"])
        );
        var steps = RecordedPlan.Integers(description.GetProperty("active_steps"));
        var network = Network("param");
        var executor = new SurrogateExecutor(
            Guided(network),
            schedule,
            kernels,
            new() { Storage = ScalarType.Float64 },
            Anchor,
            Guided(Network("param_ref"))
        );
        var conditioning = new Conditioning(
            TinyNetwork.ConditioningName,
            tensors["cond"],
            description.GetProperty("cfg_enabled").GetBoolean()
                ? new(TinyNetwork.ConditioningName, tensors["neg_cond"])
                : null
        );
        var batch = new SurrogateBatch
        {
            Plan = BatchPlan.Shared(new SparsePlanner(new()).FromIndices(schedule, steps), Batch),
            Noise_B = tensors["x_init"],
            Conditioning = conditioning,
            RewardConditioning = conditioning,
        };
        using var rollout = executor.Rollout(batch);
        comparison.Tensors("rollout.x", rollout.X_TB, tensors["rollout.x"]);
        var step_S = torch.tensor(steps.Select(step => (long)step).ToArray(), device: rollout.V_TB.device);
        comparison.Tensors("v", rollout.V_TB.index_select(0, step_S), tensors["v"]);
        var weights = executor.Weigh(batch, rollout);
        using var gradient = executor.RewardGradient(batch, rollout, weights, new Indifferent(), new(Threshold: -1));
        using var anchor = executor.Anchor(batch, rollout, weights)!;
        Compare(comparison, anchor);
        executor.AccumulateGradients(batch, rollout, gradient, anchor);
        foreach (var (name, parameter) in network.Parameters)
        {
            comparison.Tensors($"grad.{name}", parameter.grad ?? torch.zeros_like(parameter), tensors[$"grad.{name}"]);
        }
    }

    private void Compare(Comparison comparison, AnchorGradient anchor)
    {
        Numbers("squared_difference", anchor.SquaredDifferences);
        Numbers("norm", anchor.Norms);
        Numbers("norm_ref", anchor.ReferenceNorms);
        Numbers("norm_ratio", anchor.NormRatios);
        Numbers("hinge", anchor.NormHinges);
        Numbers("loss_l2", [anchor.DistanceLoss]);
        Numbers("loss_hinge", [anchor.NormLoss]);
        Numbers("loss", [anchor.Loss]);
        Numbers("cotangent", Comparison.Values(anchor.Cotangent_P!));
        comparison.Exactly(
            "num_above_margin",
            [anchor.NormHinges.Count(hinge => hinge > 0)],
            [description.GetProperty("num_above_margin").GetInt32()]
        );

        void Numbers(string name, double[] actual) =>
            comparison.Numbers(name, actual, Comparison.Values(tensors[name]));
    }

    private GuidedVelocityField Guided(TinyNetwork network)
    {
        var guidance = hyper.GetProperty("cfg_guidance");
        return new(
            new AutogradVelocityField(network.Forward),
            guidance.ValueKind == JsonValueKind.Null ? 1 : guidance.GetDouble(),
            hyper.GetProperty("cfg_detach_neg").GetBoolean()
        );
    }

    private TinyNetwork Network(string prefix) =>
        new(
            TinyNetwork.ParameterNames.ToDictionary(
                name => name,
                name => tensors[$"{prefix}.{name}"].detach().clone().requires_grad_(true)
            )
        );

    // Scores every image 0.
    private sealed class Indifferent : IReward
    {
        public Tensor Score(Tensor latents_R, Conditioning conditioning) => latents_R.flatten(1).sum(1) * 0;
    }
}
