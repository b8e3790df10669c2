// The version of a GPU's instruction set. Code compiled for it (a cubin) runs on devices of the same major version and a
// minor version at least as high; PTX compiled for it runs on every later one, after the driver has compiled it further.

namespace FlowBP.Cuda;

/// <summary>Compute capability of a device, or the one that code is compiled for: 9.0 is a Hopper GPU.</summary>
/// <param name="Major">The generation.</param>
/// <param name="Minor">The variant within it, in [0, 9].</param>
public readonly record struct ComputeCapability(int Major, int Minor)
{
    /// <summary>The number by which NVRTC lists it: 90 for 9.0.</summary>
    public int Number => (Major * 10) + Minor;

    /// <summary>The capability that NVRTC lists under a number.</summary>
    /// <param name="number">As <see cref="Number"/>: 90, 100.</param>
    public static ComputeCapability FromNumber(int number) => new(number / 10, number % 10);

    /// <summary>The name that compilers take: "sm_90".</summary>
    public override string ToString() => $"sm_{Number}";
}
