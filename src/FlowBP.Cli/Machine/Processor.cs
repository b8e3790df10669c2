using System.Runtime.InteropServices;
using System.Runtime.Intrinsics.Arm;
using System.Runtime.Intrinsics.X86;

namespace FlowBP.Cli.Machine;

/// <summary>The CPU and the memory.</summary>
/// <param name="Model">As the system names it.</param>
/// <param name="Cores">Logical cores that this process may use.</param>
/// <param name="Simd">Vector instructions that the kernels can use.</param>
/// <param name="MemoryBytes">Memory that this process may use (a container's limit counts).</param>
/// <param name="AvailableBytes">Memory that is free now; null where the system does not say.</param>
internal sealed record Processor(string Model, int Cores, string Simd, long MemoryBytes, long? AvailableBytes)
{
    /// <summary>This machine's.</summary>
    public static Processor Current { get; } =
        new(
            Value("/proc/cpuinfo", "model name") ?? RuntimeInformation.ProcessArchitecture.ToString(),
            Environment.ProcessorCount,
            SimdNames(),
            GC.GetGCMemoryInfo().TotalAvailableMemoryBytes,
            Kilobytes(Value("/proc/meminfo", "MemAvailable"))
        );

    private static string SimdNames()
    {
        (string Name, bool IsSupported)[] sets =
        [
            ("AVX-512", Avx512F.IsSupported),
            ("AVX2", Avx2.IsSupported),
            ("FMA", Fma.IsSupported),
            ("NEON", AdvSimd.IsSupported),
        ];
        var supported = string.Join(", ", sets.Where(set => set.IsSupported).Select(set => set.Name));
        return supported.Length > 0 ? supported : "none";
    }

    // Lines of "name : value".
    private static string? Value(string file, string name) =>
        !File.Exists(file)
            ? null
            : File.ReadLines(file)
                .Where(line => line.StartsWith(name, StringComparison.Ordinal) && line.Contains(':'))
                .Select(line => line[(line.IndexOf(':') + 1)..].Trim())
                .FirstOrDefault();

    private static long? Kilobytes(string? text) =>
        long.TryParse(text?.Split(' ')[0], out var kilobytes) ? kilobytes * 1024 : null;
}
