using System.Runtime.Intrinsics.X86;

namespace FlowBP.Torch.Interop;

/// <summary>
/// OpenBLAS chooses its kernels by the processor's family, and releases older than the processor fall back to 256-bit ones,
/// at half the speed. Here its choice is made by what the processor can do.
/// </summary>
internal static class BlasKernels
{
    private const string Variable = "OPENBLAS_CORETYPE";

    /// <summary>
    /// Asks for the 512-bit kernels on processors of AMD that have the instructions; those of Intel are told apart by every
    /// release. A choice that the user has made stands. To be called before libtorch is loaded.
    /// </summary>
    public static void Choose()
    {
        if (IsAmd && HasAvx512)
        {
            NativeEnvironment.SetUnlessSet(Variable, "SkylakeX");
        }
    }

    private static bool HasAvx512 =>
        Avx512F.IsSupported && Avx512BW.IsSupported && Avx512DQ.IsSupported && Avx512F.VL.IsSupported;

    private static bool IsAmd
    {
        get
        {
            if (!X86Base.IsSupported)
            {
                return false;
            }
            // Leaf 0 spells the vendor: "Auth" "enti" "cAMD".
            var (_, ebx, ecx, edx) = X86Base.CpuId(0, 0);
            return ebx == 0x68747541 && edx == 0x69746E65 && ecx == 0x444D4163;
        }
    }
}
