// What NVRTC makes of CUDA C++ (its mathematical functions, divisions, tables, calls, local arrays, inline assembly) against the
// same numbers computed in C#.

namespace FlowBP.Cuda.Interpreter.Tests;

public class CompiledKernelTests
{
    private const int Count = 256;

    private static float[] Inputs() => [.. Enumerable.Range(0, Count).Select(i => ((i * 37 % Count) - 100.5f) / 16)];

    private static T[] Run<T>(string body, int results = Count)
        where T : unmanaged
    {
        using var device = new TestDevice();
        var type =
            typeof(T) == typeof(double) ? "double"
            : typeof(T) == typeof(float) ? "float"
            : "long long";
        var source = $$"""
            extern "C" __global__ void kernel(const float* __restrict__ in, {{type}}* __restrict__ out) {
                const int i = blockIdx.x * blockDim.x + threadIdx.x;
                const float x = in[i];
                {{body}}
            }
            """;
        var result = device.New<T>(results);
        device.Run(CudaSource.Compile(source), new(4), new(Count / 4), device.Upload<float>(Inputs()), result);
        return device.Download<T>(result, results);
    }

    // Errors in units of the last place, as the CUDA programming guide states them for each function.
    private static readonly (string Expression, Func<double, double> Exact, int Ulps)[] s_singles =
    [
        ("expf(x)", Math.Exp, 2),
        ("logf(fabsf(x))", x => Math.Log(Math.Abs(x)), 1),
        ("sinf(x)", Math.Sin, 2),
        ("tanhf(x)", Math.Tanh, 2),
        ("rsqrtf(fabsf(x))", x => 1 / Math.Sqrt(Math.Abs(x)), 2),
        ("sqrtf(fabsf(x))", x => Math.Sqrt(Math.Abs(x)), 0),
        ("x / 3.7f", x => x / 3.7f, 0),
        ("1.0f / x", x => 1 / x, 0),
        ("powf(fabsf(x), 2.3f)", x => Math.Pow(Math.Abs(x), 2.3f), 8),
        (
            "rintf(x) + floorf(x) + ceilf(x) + truncf(x)",
            x => Math.Round(x) + Math.Floor(x) + Math.Ceiling(x) + Math.Truncate(x),
            0
        ),
        ("fmaxf(x, 2.0f) + fminf(x, 1.0f)", x => Math.Max(x, 2) + Math.Min(x, 1), 0),
        ("(float)(int)x + (float)(long long)(x * 1e6f)", x => (int)x + (float)(long)(float)(x * 1e6f), 0),
    ];

    private static IEnumerable<TestCaseData> Singles() =>
        s_singles.Select(c => new TestCaseData(c.Expression, c.Exact, c.Ulps).SetArgDisplayNames(c.Expression));

    [TestCaseSource(nameof(Singles))]
    public void Single_precision_functions(string expression, Func<double, double> exact, int ulps)
    {
        var results = Run<float>($"out[i] = {expression};");
        var inputs = Inputs();
        for (var i = 0; i < Count; i++)
        {
            var expected = (float)exact(inputs[i]);
            Assert.That(results[i], Is.EqualTo(expected).Within(ulps).Ulps, $"x = {inputs[i]:g9}");
        }
    }

    private static readonly (string Expression, Func<double, double> Exact)[] s_doubles =
    [
        ("exp((double)x)", Math.Exp),
        ("log(fabs((double)x))", x => Math.Log(Math.Abs(x))),
        ("(double)x / 3.3 + 1.0 / (double)x", x => (x / 3.3) + (1 / x)),
        ("sqrt(fabs((double)x))", x => Math.Sqrt(Math.Abs(x))),
        ("fma((double)x, (double)x, 0.1)", x => Math.FusedMultiplyAdd(x, x, 0.1)),
    ];

    private static IEnumerable<TestCaseData> Doubles() =>
        s_doubles.Select(c => new TestCaseData(c.Expression, c.Exact).SetArgDisplayNames(c.Expression));

    [TestCaseSource(nameof(Doubles))]
    public void Double_precision_functions(string expression, Func<double, double> exact)
    {
        var results = Run<double>($"out[i] = {expression};");
        var inputs = Inputs();
        for (var i = 0; i < Count; i++)
        {
            Assert.That(results[i], Is.EqualTo(exact(inputs[i])).Within(1).Ulps, $"x = {inputs[i]:g9}");
        }
    }

    private static readonly (string Expression, Func<int, long> Exact)[] s_integers =
    [
        ("n / 7 + n % 7", n => (n / 7) + (n % 7)),
        (
            "(n * 123456789ll) / (n + 1) + (n * 123456789ll) % 1000003",
            n => (n * 123456789L / (n + 1)) + (n * 123456789L % 1000003)
        ),
        ("(unsigned)n / 10u * 3u", n => (long)((uint)n / 10 * 3)),
        (
            "__popc(n) + __clz(n) + __ffs(n)",
            n => int.PopCount(n) + int.LeadingZeroCount(n) + (n == 0 ? 0 : int.TrailingZeroCount(n) + 1)
        ),
        ("__umulhi(n * 77777u, 12345678u)", n => (long)((uint)(n * 77777) * 12345678UL >> 32)),
        (
            "__mul64hi(n * 1234567890123ll, 9876543210987ll)",
            n => (long)((Int128)(n * 1234567890123L) * 9876543210987L >> 64)
        ),
        (
            "(signed char)n + (unsigned short)(n * 300) + (short)(n * 300)",
            n => (sbyte)n + (ushort)(n * 300) + (short)(n * 300)
        ),
        ("n > 100 ? n << 3 : n >> 1", n => n > 100 ? n << 3 : n >> 1),
        ("__byte_perm(n * 65539, n * 257, 0x5140)", n => Permuted((uint)(n * 65539), (uint)(n * 257))),
        ("__funnelshift_l(n, n * 31, 5)", n => (int)(uint)((((ulong)(uint)(n * 31) << 32) | (uint)n) << 5 >> 32)),
    ];

    private static uint Permuted(uint a, uint b) =>
        ((a & 0xff) | ((b & 0xff) << 8) | ((a >> 8 & 0xff) << 16) | ((b >> 8 & 0xff) << 24));

    private static IEnumerable<TestCaseData> Integers() =>
        s_integers.Select(c => new TestCaseData(c.Expression, c.Exact).SetArgDisplayNames(c.Expression));

    [TestCaseSource(nameof(Integers))]
    public void Integer_functions(string expression, Func<int, long> exact)
    {
        var results = Run<long>($"const int n = i; out[i] = (long long)({expression});");
        Assert.That(results, Is.EqualTo(Enumerable.Range(0, Count).Select(exact)));
    }

    [Test]
    public void A_switch_goes_where_it_should()
    {
        var results = Run<long>(
            """
            int r;
            switch (i % 9) {
                case 0: r = i * 3; break;
                case 1: r = i + 7; break;
                case 2: r = i ^ 5; break;
                case 3: r = i - 100; break;
                case 4: r = i / 3; break;
                case 5: r = i % 10; break;
                case 6: r = i << 2; break;
                default: r = -1;
            }
            out[i] = r;
            """
        );
        long Expected(int i) =>
            (i % 9) switch
            {
                0 => i * 3,
                1 => i + 7,
                2 => i ^ 5,
                3 => i - 100,
                4 => i / 3,
                5 => i % 10,
                6 => i << 2,
                _ => -1,
            };
        Assert.That(results, Is.EqualTo(Enumerable.Range(0, Count).Select(Expected)));
    }

    [Test]
    public void Calls_tables_structures_and_local_arrays()
    {
        using var device = new TestDevice();
        var kernel = device.Load(
            CudaSource.Compile(
                """
                struct Table { int start[8]; float weight[32]; double last; };
                __device__ float offset[4] = {1.5f, 2.0f, 3.0f, 0.0f};
                __constant__ int scale[5] = {1, 2, 3, 4, 5};
                __device__ __noinline__ float chosen(float x, int k) {
                    float all[8];
                    for (int i = 0; i < 8; i++) { all[i] = x * i; }
                    return all[k & 7];
                }
                extern "C" __global__ void kernel(Table table, float* out, int k) {
                    const int i = blockIdx.x * blockDim.x + threadIdx.x;
                    out[i] = table.weight[i * k & 31] + table.start[i & 7] + (float)table.last + chosen(2.0f, i)
                        + scale[i % 5] + offset[i & 3];
                }
                """
            )
        );
        var result = device.New<float>(64);
        LaunchWithTable(device, kernel, result);
        var expected = Enumerable
            .Range(0, 64)
            .Select(i =>
                (i * 3 & 31) * 0.5f
                + (10 * (i & 7))
                + 1000
                + (2f * (i & 7))
                + (i % 5 + 1)
                + new[] { 1.5f, 2, 3, 0 }[i & 3]
            );
        Assert.That(device.Download<float>(result, 64), Is.EqualTo(expected));
        Assert.That(device.Driver.Resources(kernel).ConstantBytes, Is.EqualTo(20));
    }

    private static unsafe void LaunchWithTable(TestDevice device, nint kernel, nint result)
    {
        var table = stackalloc byte[168];
        for (var i = 0; i < 8; i++)
        {
            ((int*)table)[i] = 10 * i;
        }
        for (var i = 0; i < 32; i++)
        {
            ((float*)table)[8 + i] = 0.5f * i;
        }
        ((double*)table)[20] = 1000;
        var k = 3;
        device.Driver.Launch(kernel, new(2), new(32), 0, 0, [(nint)table, (nint)(&result), (nint)(&k)]);
    }

    [Test]
    public void Warps_and_blocks_reduce()
    {
        using var device = new TestDevice();
        var ptx = CudaSource.Compile(
            """
            extern "C" __global__ void kernel(const int* in, int* out) {
                __shared__ int part[8];
                int value = in[threadIdx.x];
                for (int offset = 16; offset > 0; offset /= 2) {
                    value += __shfl_down_sync(0xffffffffu, value, offset);
                }
                if (threadIdx.x % 32 == 0) { part[threadIdx.x / 32] = value; }
                __syncthreads();
                if (threadIdx.x == 0) {
                    int sum = 0;
                    for (int i = 0; i < 8; i++) { sum += part[i]; }
                    out[0] = sum;
                }
                const int large = __syncthreads_count(in[threadIdx.x] > 200);
                const unsigned odd = __ballot_sync(0xffffffffu, in[threadIdx.x] & 1);
                if (threadIdx.x == 255) { out[1] = large; out[2] = odd; }
            }
            """
        );
        var result = device.New<uint>(3);
        device.Run(ptx, new(1), new(256), device.Upload<int>(Enumerable.Range(0, 256).ToArray()), result);
        Assert.That(device.Download<uint>(result, 3), Is.EqualTo(new uint[] { 255 * 128, 55, 0xaaaaaaaa }));
    }

    [Test]
    public void Inline_assembly_has_registers_of_its_own()
    {
        var results = Run<long>(
            """
            unsigned sum;
            asm("{ .reg .pred p; .reg .u32 t; setp.gt.u32 p, %1, 10; add.u32 t, %1, 5; selp.u32 %0, t, %1, p; }"
                : "=r"(sum) : "r"(i));
            out[i] = sum;
            """
        );
        Assert.That(results, Is.EqualTo(Enumerable.Range(0, Count).Select(i => (long)(i > 10 ? i + 5 : i))));
    }

    [Test]
    public void A_finding_names_the_line_of_the_source()
    {
        using var device = new TestDevice();
        var ptx = CudaSource.Compile(
            """
            __device__ __forceinline__ float inner(const float* p) {
                return p[1000];
            }
            extern "C" __global__ void kernel(const float* in, float* out) {
                out[0] = inner(in);
            }
            """
        );
        var error = Assert.Throws<InterpreterException>(() =>
            device.Run(ptx, new(1), new(1), device.Upload(1f), device.New<float>(1))
        )!;
        Assert.That(error.Message, Does.Contain("(test.cu:2)"));
        Assert.That(error.SourceLine, Is.EqualTo("test.cu:2"));
        Assert.That(error.Kernel, Is.EqualTo("kernel"));
    }
}
