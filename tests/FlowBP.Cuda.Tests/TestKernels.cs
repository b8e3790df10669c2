namespace FlowBP.Cuda.Tests;

/// <summary>Sources to compile.</summary>
internal static class TestKernels
{
    public const string AxpyText = """
        #include "fused.cuh"
        extern "C" __global__ void axpy(float* __restrict__ y, const float* __restrict__ x, float a, long long n)
        {
            long long i = blockIdx.x * (long long)blockDim.x + threadIdx.x;
            if (i < n)
            {
                y[i] = fused(a, x[i], y[i]);
            }
        }
        """;

    public const string FusedText = """
        #pragma once
        __device__ __forceinline__ float fused(float a, float b, float c)
        {
            return fmaf(a, b, c);
        }
        """;

    public static KernelSource Axpy { get; } =
        new("axpy.cu", AxpyText, new Dictionary<string, string> { ["fused.cuh"] = FusedText });

    public static KernelSources Sources { get; } =
        new(new Dictionary<string, string> { ["axpy.cu"] = AxpyText, ["fused.cuh"] = FusedText });
}
