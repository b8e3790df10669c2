// The gradient of all parameters as one vector, without a copy: the tensors are taken from the parameters, which have none afterwards.
// Products of singles are exact in double, and every sum runs in double in the order of the parameters, so that a figure depends on
// neither threads nor chunks.

using System.Runtime.InteropServices;

namespace FlowBP.Training.Diagnosis;

/// <summary>A gradient with respect to all parameters together. Owns its tensors.</summary>
internal sealed class FlatGradient : IDisposable
{
    // Contiguous, Float32, in main memory; null: the parameter had no gradient, which counts as zero.
    private readonly Tensor?[] parts;

    private FlatGradient(Tensor?[] parts) => this.parts = parts;

    /// <summary>Takes the gradients of parameters away from them.</summary>
    /// <param name="parameters">The parameters, in the order of the vector.</param>
    /// <exception cref="ArgumentException">A gradient is not Float32.</exception>
    public static FlatGradient Take(IReadOnlyList<Tensor> parameters)
    {
        using var scope = torch.NewDisposeScope();
        using var noGrad = torch.no_grad();
        var taken = new FlatGradient(new Tensor?[parameters.Count]);
        try
        {
            for (var i = 0; i < parameters.Count; i++)
            {
                if (parameters[i].grad is not { } gradient)
                {
                    continue;
                }
                if (gradient.dtype != ScalarType.Float32)
                {
                    throw new ArgumentException(
                        $"gradients are compared in Float32, found {gradient.dtype}: train the parameters in it",
                        nameof(parameters)
                    );
                }
                taken.parts[i] = gradient.cpu().contiguous().DetachFromDisposeScope();
                parameters[i].grad = null;
            }
        }
        catch
        {
            taken.Dispose();
            throw;
        }
        return taken;
    }

    /// <summary>Drops the gradients of parameters.</summary>
    /// <param name="parameters">The parameters.</param>
    public static void Drop(IReadOnlyList<Tensor> parameters)
    {
        foreach (var parameter in parameters)
        {
            parameter.grad = null;
        }
    }

    /// <summary>The parameters that have one.</summary>
    public int Count => parts.Length;

    /// <summary>The values of one parameter's gradient; empty: there is none.</summary>
    /// <param name="parameter">Position of the parameter.</param>
    public ReadOnlySpan<float> Values(int parameter) =>
        parts[parameter] is { } part ? MemoryMarshal.Cast<byte, float>(part.bytes) : [];

    /// <summary>The inner product.</summary>
    /// <param name="other">A gradient with respect to the same parameters.</param>
    public double Dot(FlatGradient other)
    {
        var sum = 0.0;
        for (var i = 0; i < parts.Length; i++)
        {
            var a = Values(i);
            var b = other.Values(i);
            for (var k = 0; k < Math.Min(a.Length, b.Length); k++)
            {
                sum += (double)a[k] * b[k];
            }
        }
        return sum;
    }

    /// <summary>The square of the Euclidean norm.</summary>
    public double SquaredNorm() => Dot(this);

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (var part in parts)
        {
            part?.Dispose();
        }
    }
}
