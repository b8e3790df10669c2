// The network and the reward of the method fixtures: small enough for float64 and a chain rule by hand, crooked enough
// that a wrong index, sign or Jacobian shows.
// Shape legend: B batch, D elements of a latent, H hidden width, P conditioning width, Q width of the reward.

using FlowBP.Surrogates;

namespace FlowBP.Verification.Methods;

/// <summary><c>v = W2 tanh(W1 x + b1 + u·t + C c) + b2</c>.</summary>
/// <param name="parameters">W1 [H, D], b1 [H], u [H], C [H, P], W2 [D, H], b2 [D]; leaves that require gradients.</param>
public sealed class TinyNetwork(IReadOnlyDictionary<string, Tensor> parameters)
{
    /// <summary>Name of the conditioning tensor [B, P].</summary>
    public const string ConditioningName = "c";

    /// <summary>Names of the parameters.</summary>
    public static IReadOnlyList<string> ParameterNames { get; } = ["W1", "b1", "u", "C", "W2", "b2"];

    /// <summary>The parameters, by name.</summary>
    public IReadOnlyDictionary<string, Tensor> Parameters { get; } = parameters;

    /// <summary>The velocity, differentiable.</summary>
    /// <param name="x_B">Latents [B, …] of D elements each.</param>
    /// <param name="time_B">t [B].</param>
    /// <param name="conditioning">Holds <see cref="ConditioningName"/>.</param>
    public Tensor Forward(Tensor x_B, Tensor time_B, Conditioning conditioning)
    {
        var x_BD = x_B.flatten(1);
        var hidden_BH = (
            x_BD.mm(Parameters["W1"].transpose(0, 1))
            + Parameters["b1"]
            + time_B.unsqueeze(1) * Parameters["u"]
            + conditioning[ConditioningName].mm(Parameters["C"].transpose(0, 1))
        ).tanh();
        return (hidden_BH.mm(Parameters["W2"].transpose(0, 1)) + Parameters["b2"]).reshape(x_B.shape);
    }
}

/// <summary><c>r = 0.1·Σ tanh(A x) − q·mean(x²)</c>.</summary>
/// <param name="a_QD">A [Q, D].</param>
/// <param name="q">q.</param>
public sealed class TinyReward(Tensor a_QD, double q) : IReward
{
    /// <inheritdoc/>
    public Tensor Score(Tensor latents_R, Conditioning conditioning)
    {
        var x_RD = latents_R.flatten(1);
        return x_RD.mm(a_QD.transpose(0, 1)).tanh().sum(1) * 0.1 - (x_RD * x_RD).mean([1]) * q;
    }
}
