// Scaling, optimizer step and gradient norm on a device: the bits of the scalar reference.

namespace FlowBP.Kernels.Cuda.Tests;

[TestFixtureSource(typeof(CudaTarget), nameof(CudaTarget.All))]
public class CudaOptimizerTests(string name)
{
    private CudaTarget _target = null!;

    [OneTimeSetUp]
    public void Open() => _target = CudaTarget.Named(name);

    [OneTimeTearDown]
    public void Close() => _target?.Dispose();

    [Test]
    public void Scaling_of_any_shape_and_types_gives_the_bits_of_the_scalar_kernel()
    {
        foreach (var shape in ScalingCase.All)
        {
            shape.Check(_target);
        }
    }

    [Test]
    public void Scaling_keeps_what_is_no_ordinary_number()
    {
        foreach (var (from, to) in ScalingCase.Types)
        {
            new ScalingCase(from, to, 2, 4096, Special: true).Check(_target);
        }
    }

    [Test]
    public void Scaling_of_more_samples_than_a_launch_carries_is_split()
    {
        var emulated = _target.Driver as EmulatedDriver;
        var before = emulated?.Launches;
        new ScalingCase(LatentType.Float32, LatentType.BFloat16, ScalingParameters.Samples + 1, 5).Check(_target);
        Assert.That(emulated?.Launches - before, Is.Null.Or.EqualTo(2));
    }

    [Test]
    public void Optimizer_steps_over_any_tensors_give_the_bits_of_the_scalar_kernel()
    {
        foreach (var shape in OptimizerCase.All)
        {
            shape.Check(_target);
        }
    }

    [Test]
    public void Optimizer_steps_keep_what_is_no_ordinary_number()
    {
        new OptimizerCase(LatentType.Float32, [800], Special: true).Check(_target);
        new OptimizerCase(LatentType.Float64, [800], Special: true).Check(_target);
    }

    [Test]
    public void Norms_of_any_gradients_give_the_bits_of_the_scalar_kernel()
    {
        foreach (var shape in NormCase.All)
        {
            shape.Check(_target);
        }
    }

    [Test]
    public unsafe void A_norm_tells_of_one_element_that_is_not_finite([Values] LatentType type)
    {
        foreach (var value in new[] { double.NaN, double.PositiveInfinity })
        {
            using var gradient = new TestLatents(type, 1, 1, 70_000).Fill((_, _, _) => 0);
            gradient[0, 0, 69_999] = value;
            using var device = new DeviceLatents(_target.Driver, gradient);
            var norm = _target.Latents.SquaredNorm([new(device.Pointer, type, 70_000)]);
            Assert.That(norm, double.IsNaN(value) ? Is.NaN : Is.EqualTo(double.PositiveInfinity));
        }
    }
}
