// The oneDNN in libtorch 2.10 loses channels on some processors: of a convolution whose input channels don't fill whole vectors (24 of
// blocks of 16, 12 of blocks of 8) the last ones of the last tap are left out, forward and backward, and nothing says so. So it is asked
// once, before anybody computes: a convolution of ones over ones is a count. Where the count is wrong libtorch goes without oneDNN, whose
// place its own loops and the BLAS take. NNPACK is never asked: it serves small convolutions on some processors, and on others says at each
// of them that it does not.

using System.Globalization;
using System.Runtime.InteropServices;

namespace FlowBP.Torch;

/// <summary>Finds out whether convolutions are right on this processor, and has them made without oneDNN where they are not.</summary>
internal static unsafe class ConvolutionCheck
{
    // Above 15 pictures libtorch takes oneDNN whatever else holds.
    private const long Pictures = 16;
    private const long Side = 8;
    private const long Kernel = 3;
    private const sbyte Float32 = 6;
    private const int Cpu = 0;

    // Blocks of 16, 8 and 4 channels and a rest; more than one block each.
    private static readonly long[] s_channels = [12, 20, 24, 40];

    /// <summary>Asks, and mends.</summary>
    /// <param name="binding">Handle of TorchSharp's native library.</param>
    /// <param name="libtorch">Path of the libtorch that is loaded.</param>
    /// <param name="remedy">What was wrong and what is done about it; null: nothing was.</param>
    /// <returns>Null; or why this libtorch can't be used on this processor.</returns>
    public static string? Run(nint binding, string libtorch, out string? remedy)
    {
        remedy = null;
        _ = TryDisable(libtorch, "_ZN2at7Context20setUserEnabledNNPACKEb");
        if (Fault(binding) is not { } fault)
        {
            return null;
        }
        if (!TryDisable(libtorch, "_ZN2at7Context20setUserEnabledMkldnnEb") || Fault(binding) is not null)
        {
            return $"convolutions of {libtorch} are wrong on this processor ({fault}): use TorchProvider=FlowBP with a libtorch of"
                + " this system";
        }
        remedy =
            $"libtorch's oneDNN is wrong on this processor ({fault}) and is not used: convolutions are right, and slower";
        return null;
    }

    // Has libtorch do without one of the libraries that it offers operators to; `setter` is a member of at::Context.
    private static bool TryDisable(string libtorch, string setter)
    {
        if (
            !NativeLibrary.TryLoad(libtorch, out var library)
            || !NativeLibrary.TryGetExport(library, "_ZN2at13globalContextEv", out var context)
            || !NativeLibrary.TryGetExport(library, setter, out var enable)
        )
        {
            return false;
        }
        ((delegate* unmanaged<nint, byte, void>)enable)(((delegate* unmanaged<nint>)context)(), 0);
        return true;
    }

    // A convolution that is wrong, in words; null: none is.
    private static string? Fault(nint binding)
    {
        foreach (var channels in s_channels)
        {
            var expected = channels * Kernel * Kernel;
            var (least, most) = Count(binding, channels);
            if (least != expected || most != expected)
            {
                var found = least == expected ? most : least;
                return string.Create(
                    CultureInfo.InvariantCulture,
                    $"{channels} channels of ones under {Kernel} x {Kernel} ones gave {found} for {expected}"
                );
            }
        }
        return null;
    }

    // The least and the greatest value of ones [16, C, 8, 8] convolved with ones [4, C, 3, 3].
    private static (float Least, float Most) Count(nint binding, long channels)
    {
        const long Outputs = 4;
        var ones = (delegate* unmanaged<long*, int, sbyte, int, int, byte, nint>)
            NativeLibrary.GetExport(binding, "THSTensor_ones");
        var convolve = (delegate* unmanaged<nint, nint, nint, long*, int, long*, int, long*, int, long, nint>)
            NativeLibrary.GetExport(binding, "THSTensor_conv2d");
        var data = (delegate* unmanaged<nint, float*>)NativeLibrary.GetExport(binding, "THSTensor_data");
        var dispose = (delegate* unmanaged<nint, void>)NativeLibrary.GetExport(binding, "THSTensor_dispose");
        var inputShape = stackalloc long[] { Pictures, channels, Side, Side };
        var weightShape = stackalloc long[] { Outputs, channels, Kernel, Kernel };
        var one = stackalloc long[] { 1, 1 };
        var none = stackalloc long[] { 0, 0 };
        var input = ones(inputShape, 4, Float32, Cpu, 0, 0);
        var weight = ones(weightShape, 4, Float32, Cpu, 0, 0);
        var output = convolve(input, weight, 0, one, 2, none, 2, one, 2, 1);
        const long Inner = Side - Kernel + 1;
        var values = new ReadOnlySpan<float>(data(output), (int)(Pictures * Outputs * Inner * Inner));
        var (least, most) = (float.PositiveInfinity, float.NegativeInfinity);
        foreach (var value in values)
        {
            least = Math.Min(least, value);
            most = Math.Max(most, value);
        }
        dispose(output);
        dispose(weight);
        dispose(input);
        return (least, most);
    }
}
