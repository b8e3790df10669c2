// Gradients of sum(out · R) against a fixture's: full tensors of the inputs and of some parameters, and for every
// parameter the norm and the sum of its gradient.

using System.Text.Json;

namespace FlowBP.Verification.Networks;

internal static class GradientCheck
{
    /// <summary>Pulls R back through <paramref name="output"/> and compares every gradient that the fixture has.</summary>
    /// <param name="fixture">The fixture.</param>
    /// <param name="comparison">Receives the errors.</param>
    /// <param name="module">The network, its gradients still empty.</param>
    /// <param name="output">The network's output, recorded by autograd.</param>
    /// <param name="inputs">Differentiated inputs by the names they have in <c>grad.in.*</c>.</param>
    public static void Run(
        FixtureFolder fixture,
        Comparison comparison,
        nn.Module module,
        Tensor output,
        params IReadOnlyList<(string Name, Tensor Leaf)> inputs
    )
    {
        if (!fixture.Has("R"))
        {
            return;
        }
        (output * fixture.Load("R")).sum().backward();
        foreach (var (name, leaf) in inputs)
        {
            if (fixture.Has($"grad.in.{name}"))
            {
                comparison.Tensors($"grad.in.{name}", GradientOf(leaf), fixture.Load($"grad.in.{name}"));
            }
        }
        var parameters = module.named_parameters().ToDictionary(p => p.name, p => (Tensor)p.parameter);
        CompareTensors(fixture, comparison, parameters);
        CompareNorms(fixture, comparison, parameters);
    }

    private static void CompareTensors(
        FixtureFolder fixture,
        Comparison comparison,
        Dictionary<string, Tensor> parameters
    )
    {
        const string prefix = "grad.param.";
        string[] names = [.. fixture.Io.Entries.Keys.Where(key => key.StartsWith(prefix, StringComparison.Ordinal))];
        var largest = names.Select(n => fixture.Load(n).abs().max().ToDouble()).DefaultIfEmpty(0).Max();
        foreach (var name in names)
        {
            var gradient = GradientOf(parameters[name[prefix.Length..]]);
            comparison.Tensors(name, gradient, fixture.Load(name), Comparison.GradientYardstick(largest));
        }
    }

    private static void CompareNorms(
        FixtureFolder fixture,
        Comparison comparison,
        Dictionary<string, Tensor> parameters
    )
    {
        if (!fixture.Meta.TryGetProperty("param_grad_norm_and_sum", out var list))
        {
            return;
        }
        JsonProperty[] entries = [.. list.EnumerateObject()];
        double Norm(JsonProperty entry) => entry.Value.ValueKind == JsonValueKind.Null ? 0 : entry.Value[0].GetDouble();
        var yardstick = Comparison.GradientYardstick(entries.Select(Norm).DefaultIfEmpty(0).Max());
        foreach (var entry in entries)
        {
            var gradient = GradientOf(parameters[entry.Name]).to(ScalarType.Float64);
            var norm = Norm(entry);
            var sum = entry.Value.ValueKind == JsonValueKind.Null ? 0 : entry.Value[1].GetDouble();
            comparison.Numbers($"|grad {entry.Name}|", [gradient.norm().item<double>()], [norm], yardstick: yardstick);
            // A sum of n terms of mixed sign is only as exact as its terms: the norm is its natural magnitude.
            comparison.Numbers(
                $"sum grad {entry.Name}",
                [gradient.sum().item<double>()],
                [sum],
                yardstick: Math.Max(norm, yardstick)
            );
        }
    }

    // A parameter that the output does not depend on has either no gradient or a zero one.
    private static Tensor GradientOf(Tensor leaf) => leaf.grad ?? torch.zeros_like(leaf);
}
