using FlowBP.Kernels;

namespace FlowBP.Benchmarks.Gpu;

/// <summary>The fused operations, and where the tensors live that they can read.</summary>
/// <param name="Latents">Replay, residual, scaling, optimizer, norm.</param>
/// <param name="Rollout">The operations of a rollout.</param>
/// <param name="Device">Of the tensors.</param>
internal sealed record KernelSet(ILatentKernels Latents, IRolloutKernels Rollout, Device Device)
{
    /// <summary>The obvious implementations, whose bits the CUDA kernels must give.</summary>
    public static KernelSet Reference { get; } = new(new ScalarLatentKernels(), new ScalarRolloutKernels(), torch.CPU);
}
