// A recorded training step on the tiny network, in float64: small enough that every intermediate is recorded.

using System.Text.Json;
using FlowBP.Surrogates;

namespace FlowBP.Verification.Methods;

/// <summary>A case of a method fixture.</summary>
internal sealed class MethodCase(
    JsonElement description,
    IReadOnlyDictionary<string, Tensor> tensors,
    ILatentKernels kernels
)
{
    public void Run(Comparison comparison)
    {
        var network = new TinyNetwork(
            TinyNetwork.ParameterNames.ToDictionary(
                name => name,
                name => tensors[$"param.{name}"].detach().clone().requires_grad_(true)
            )
        );
        var step = new RecordedStep(description, tensors, kernels);
        step.Run(
            comparison,
            new()
            {
                Field = new AutogradVelocityField(network.Forward),
                Conditioning = new(
                    TinyNetwork.ConditioningName,
                    tensors["cond"],
                    step.IsGuided ? new(TinyNetwork.ConditioningName, tensors["neg_cond"]) : null
                ),
                Reward = new TinyReward(tensors["reward.A"], description.GetProperty("reward_q").GetDouble()),
                RewardConditioning = new(TinyNetwork.ConditioningName, tensors["cond"]),
                Storage = ScalarType.Float64,
            }
        );
        foreach (var (name, parameter) in network.Parameters)
        {
            comparison.Tensors($"grad.{name}", parameter.grad ?? torch.zeros_like(parameter), tensors[$"grad.{name}"]);
        }
    }
}
