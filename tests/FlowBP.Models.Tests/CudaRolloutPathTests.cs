// The transformer's path without gradients, on the fused operations' scalar reference and on the CUDA kernels' text, emulated.

using FlowBP.Families.Flux1;
using FlowBP.Families.Flux2;
using FlowBP.Families.Networks;
using FlowBP.Families.SD3;
using FlowBP.Kernels;
using FlowBP.Kernels.Cuda;
using FlowBP.Kernels.Cuda.Tests;
using FlowBP.Models.Transformers;
using static FlowBP.Models.Tests.TestNetworks;

namespace FlowBP.Models.Tests;

public sealed class CudaRolloutPathTests
{
    private static readonly Dictionary<string, Func<IRolloutKernels>> s_kernels = new()
    {
        ["scalar reference"] = () => new ScalarRolloutKernels(),
        ["CUDA, emulated"] = () =>
        {
            var driver = new EmulatedDriver("reverse", poison: 0x41);
            return new CudaRolloutKernels(driver, driver.Kernel, stream: () => 0);
        },
    };

    private static IEnumerable<string> Kernels => s_kernels.Keys;

    private DisposeScope scope = null!;

    [SetUp]
    public void OpenScope() => scope = torch.NewDisposeScope();

    [TearDown]
    public void CloseScope() => scope.Dispose();

    [Test, Combinatorial]
    public void It_agrees_with_the_differentiable_path(
        [ValueSource(nameof(Kernels))] string kernels,
        [Values] bool qkNorm,
        [Values] bool dual
    )
    {
        var model = Transformer(TransformerConfig with { QkNorm = qkNorm, DualAttentionLayers = dual ? [1] : [] });
        var expected = Velocity(model);
        model.RolloutKernels = s_kernels[kernels]();
        var actual = WithoutGradients(model);
        Assert.That(expected.Max(Math.Abs), Is.GreaterThan(0.1));
        Assert.That(actual, Is.EqualTo(expected).Within(1e-5));
        Assert.That(Velocity(model), Is.EqualTo(expected), "with gradients nothing changes");
    }

    [Test]
    public void It_takes_the_fused_operations_and_only_without_gradients()
    {
        var model = Transformer();
        var counting = new CountingKernels(null);
        model.RolloutKernels = counting;
        Velocity(model);
        Assert.That(counting.Calls, Is.EqualTo((0, 0, 0)));
        WithoutGradients(model);
        // Norms: 4 of the first block, 5 of the one with a second attention, 3 of the last. Gates: 4, 5, 2. Heads: 4, 6, 3.
        Assert.That(counting.Calls, Is.EqualTo((12, 11, 13)));
        model.RolloutKernels = null;
        WithoutGradients(model);
        Assert.That(counting.Calls, Is.EqualTo((12, 11, 13)));
    }

    [Test]
    public void Tensors_elsewhere_take_the_differentiable_path()
    {
        var model = Transformer();
        var counting = new CountingKernels(deviceIndex: 0);
        model.RolloutKernels = counting;
        Assert.That(WithoutGradients(model), Is.EqualTo(WithoutGradients(Transformer())));
        Assert.That(counting.Calls, Is.EqualTo((0, 0, 0)));
    }

    [Test]
    public void What_a_block_receives_is_left_alone()
    {
        var model = Transformer();
        model.RolloutKernels = new ScalarRolloutKernels();
        using var noGrad = torch.no_grad();
        var time_B = torch.tensor(new float[] { 250, 900 });
        var input = new TransformerInput(Waves(2, 4, 6, 8), Waves(2, 5, 12), Waves(2, 6), time_B);
        var streams = model.Embed(new TensorOperations(null), input);
        var image = Values(streams.Image);
        var text = Values(streams.Text!);
        model.Blocks[1].Apply(model.Operations(streams.Image, null), streams);
        Assert.That(Values(streams.Image), Is.EqualTo(image));
        Assert.That(Values(streams.Text!), Is.EqualTo(text));
    }

    [Test, Combinatorial]
    public void Flux_agrees_with_its_differentiable_path(
        [ValueSource(nameof(Kernels))] string kernels,
        [Values(1, 2)] int family
    )
    {
        var (use, velocity) = FluxFamily(family);
        var expected = velocity();
        use(s_kernels[kernels]());

        float[] actual;
        using (torch.no_grad())
        {
            actual = velocity();
        }

        Assert.That(expected.Max(Math.Abs), Is.GreaterThan(0.1));
        Assert.That(actual, Is.EqualTo(expected).Within(1e-5));
        Assert.That(velocity(), Is.EqualTo(expected), "with gradients nothing changes");
    }

    [TestCase(1)]
    [TestCase(2)]
    public void Flux_takes_the_fused_operations_and_only_without_gradients(int family)
    {
        var (use, velocity) = FluxFamily(family);
        var counting = new CountingKernels(null);
        use(counting);
        velocity();
        Assert.That(counting.Calls, Is.EqualTo((0, 0, 0)));
        using var noGrad = torch.no_grad();
        velocity();
        // One double-stream block: 4 norms, 4 gates, 4 kinds of heads. Two single-stream ones: 1, 1, 2 each.
        Assert.That(counting.Calls, Is.EqualTo((6, 6, 8)));
    }

    // What tells a network of the family which kernels to use, and what evaluates it at a fixed input.
    private static (Action<IRolloutKernels?> Use, Func<float[]> Velocity) FluxFamily(int family)
    {
        var time_B = torch.tensor(new[] { 0.25f, 0.9f });
        if (family == 1)
        {
            var flux = Flux();
            var input = new TransformerInput(
                Waves(2, 6, 8),
                Waves(2, 5, 12),
                Waves(2, 6),
                time_B,
                time_B * 4,
                FluxPositions.Image(2, 3),
                FluxPositions.Text(5)
            );
            return (kernels => flux.RolloutKernels = kernels, () => Values(flux.call(input)));
        }
        var flux2 = Flux2();
        var input2 = new TransformerInput(
            Waves(2, 6, 16),
            Waves(2, 5, 12),
            null,
            time_B,
            null,
            Flux2Positions.Image(2, 3),
            Flux2Positions.Text(5)
        );
        return (kernels => flux2.RolloutKernels = kernels, () => Values(flux2.call(input2)));
    }

    private static float[] WithoutGradients(SD3Transformer2DModel model)
    {
        using var noGrad = torch.no_grad();
        return Velocity(model);
    }

    private static float[] Velocity(SD3Transformer2DModel model) =>
        Values(
            model.call(new(Waves(2, 4, 6, 8), Waves(2, 5, 12), Waves(2, 6), torch.tensor(new float[] { 250, 900 })))
        );

    private sealed unsafe class CountingKernels(int? deviceIndex) : IRolloutKernels
    {
        private readonly ScalarRolloutKernels inner = new();
        private int norms;
        private int gates;
        private int heads;

        public int? DeviceIndex { get; } = deviceIndex;

        public (int Norms, int Gates, int Heads) Calls => (norms, gates, heads);

        public void AdalnModulate(
            TokenBuffer x_BLD,
            ModulationBuffer scale_BD,
            ModulationBuffer shift_BD,
            double epsilon,
            TokenBuffer out_BLD
        )
        {
            norms++;
            inner.AdalnModulate(x_BLD, scale_BD, shift_BD, epsilon, out_BLD);
        }

        public void GatedResidual(TokenBuffer x_BLD, ModulationBuffer gate_BD, TokenBuffer y_BLD, TokenBuffer out_BLD)
        {
            gates++;
            inner.GatedResidual(x_BLD, gate_BD, y_BLD, out_BLD);
        }

        public void QkNormRope(
            HeadBuffer x_BLHK,
            void* weight_K,
            float* cosine_LP,
            float* sine_LP,
            double epsilon,
            HeadBuffer out_BLHK
        )
        {
            heads++;
            inner.QkNormRope(x_BLHK, weight_K, cosine_LP, sine_LP, epsilon, out_BLHK);
        }

        public void GuidedEulerStep(
            LatentBuffer conditional_NE,
            LatentBuffer? negative_NE,
            double guidance,
            ReadOnlySpan<int> sample_N,
            LatentBuffer x_BE,
            double step,
            LatentBuffer v_BE,
            LatentBuffer next_BE
        ) => throw new NotSupportedException();
    }
}
