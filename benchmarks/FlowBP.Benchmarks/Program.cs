// Timings of kernels, steps and loading. Five ways to run them:
//
//   dotnet run -c Release --project benchmarks/FlowBP.Benchmarks -- --paired [replay|residual|optimizer|dropin|call|loading]
//       variants of one operation, interleaved in one process, with medians and ratios: what benchmarks/results/ records
//   dotnet run -c Release --project benchmarks/FlowBP.Benchmarks -- --step [METHOD…]
//       one alignment step of the embedded model, split into its parts
//   dotnet run -c Release --project benchmarks/FlowBP.Benchmarks -- --full-size [sd35|flux1|flux2] [--device cuda|cpu] [--layers N] …
//       one alignment step of a released model's size with random weights: seconds, memory, MFU
//   dotnet run -c Release --project benchmarks/FlowBP.Benchmarks -- --gpu [--check] [--output FILE] [NAME…]
//       the CUDA kernels against the same operations of libtorch, on this machine's GPU; --check: their numbers only
//   dotnet run -c Release --project benchmarks/FlowBP.Benchmarks -- --filter '*'
//       BenchmarkDotNet, with its own options
//
// libtorch's OpenMP threads spin while they wait and take the cores from managed code: set OMP_WAIT_POLICY=passive.

using System.Runtime.CompilerServices;
using BenchmarkDotNet.Configs;
using BenchmarkDotNet.Jobs;
using BenchmarkDotNet.Running;
using BenchmarkDotNet.Toolchains.InProcess.Emit;
using FlowBP.Benchmarks;
using FlowBP.Benchmarks.FullSize;
using FlowBP.Benchmarks.Gpu;

// Where libtorch misreads the topology of a virtual machine it takes a single core: a comparison must give it all of them.
TorchLibrary.Load();
FreedMemory.Keep();
torch.set_num_threads(Environment.ProcessorCount);

if (args is ["--paired", .. var names])
{
    return PairedReport.Run(names);
}
if (args is ["--step", .. var methods])
{
    return StepBenchmark.Run(methods);
}

if (args is ["--full-size", .. var fullSize])
{
    return FullSizeBenchmark.Run(fullSize);
}
if (args is ["--gpu", .. var gpu])
{
    return GpuReport.Run(gpu);
}
return UseBenchmarkDotNet(args);

// Apart, because a bundle for a GPU node comes without BenchmarkDotNet, and a method loads all that it names.
[MethodImpl(MethodImplOptions.NoInlining)]
static int UseBenchmarkDotNet(string[] args)
{
    // In this process: a generated project would not find the repository's central build settings.
    var job = Job.Default.WithToolchain(InProcessEmitToolchain.Instance);
    BenchmarkSwitcher.FromAssembly(typeof(PairedReport).Assembly).Run(args, DefaultConfig.Instance.AddJob(job));
    return 0;
}
