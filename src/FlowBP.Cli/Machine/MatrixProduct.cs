// A smoke test that also tells a fast BLAS from a slow one: a matrix product whose result is known.

using System.Diagnostics;

namespace FlowBP.Cli.Machine;

/// <summary>A measured matrix product.</summary>
/// <param name="GigaflopsPerSecond">Of float32, best of a few.</param>
/// <param name="IsRight">Whether the numbers were right.</param>
internal readonly record struct MatrixProduct(double GigaflopsPerSecond, bool IsRight)
{
    private const int Size = 768;
    private const int Repetitions = 4;

    /// <summary>Multiplies, and measures.</summary>
    public static MatrixProduct Measure()
    {
        using var scope = torch.NewDisposeScope();
        using var noGrad = torch.no_grad();
        // Entry (i, j) of the product is size · i/size · j/size: small integers and powers of two, hence nearly exact.
        var ramp = torch.arange(Size, dtype: ScalarType.Float32) / Size;
        var left = ramp.unsqueeze(1).expand(Size, Size).contiguous();
        var right = ramp.unsqueeze(0).expand(Size, Size).contiguous();
        var best = TimeSpan.MaxValue;
        var product = left.mm(right);
        for (var i = 0; i < Repetitions; i++)
        {
            var started = Stopwatch.GetTimestamp();
            product = left.mm(right);
            var elapsed = Stopwatch.GetElapsedTime(started);
            best = elapsed < best ? elapsed : best;
        }
        var expected = left * right * Size;
        var error = (product - expected).abs().max().item<float>();
        return new(2.0 * Size * Size * Size / best.TotalSeconds / 1e9, error <= 1e-3f * Size);
    }
}
