// Replay and residual on a device: the bits of the scalar reference for every size, alignment, number of points and choice of
// steps, whatever the order in which blocks and threads run.

namespace FlowBP.Kernels.Cuda.Tests;

[TestFixtureSource(typeof(CudaTarget), nameof(CudaTarget.All))]
public class CudaQuadratureTests(string name)
{
    private CudaTarget _target = null!;

    [OneTimeSetUp]
    public void Open() => _target = CudaTarget.Named(name);

    [OneTimeTearDown]
    public void Close() => _target?.Dispose();

    [TestCaseSource(nameof(Types))]
    public void Any_shape_gives_the_bits_of_the_scalar_kernels(LatentType type)
    {
        foreach (var shape in QuadratureCase.All.Where(shape => shape.Type == type))
        {
            shape.Check(_target);
        }
    }

    private static LatentType[] Types => Enum.GetValues<LatentType>();

    [TestCaseSource(nameof(Types))]
    public void Values_that_are_no_ordinary_numbers_give_the_bits_of_the_scalar_kernels(LatentType type)
    {
        new QuadratureCase(type, 3, 2048, 3, Special: true).Check(_target);
        new QuadratureCase(type, 2, 301, 9, Misalignment: 1, Special: true).Check(_target);
    }

    [TestCaseSource(nameof(Types))]
    public void One_sample_may_have_as_many_points_as_a_launch_can_carry(LatentType type)
    {
        var points = CudaLatentKernels.MaxPoints(type);
        new QuadratureCase(type, 2, 40, points).Check(_target);
        Assert.That(
            () => new QuadratureCase(type, 2, 40, points + 1).Check(_target),
            Throws.ArgumentException.With.Message.Contains($"{points + 1} quadrature points")
        );
    }

    [TestCaseSource(nameof(Types))]
    public void A_batch_that_does_not_fit_one_launch_is_split(LatentType type)
    {
        // K = 1 takes 4 or 5 of the 1000 words for each sample.
        var emulated = _target.Driver as EmulatedDriver;
        var before = emulated?.Launches;
        new QuadratureCase(type, 601, 3, 1).Check(_target);
        var launches = type == LatentType.Float64 ? 4 : 3;
        Assert.That(emulated?.Launches - before, Is.Null.Or.EqualTo(3 * launches), "of a replay and two residuals");
    }

    [Test]
    public void A_rollout_may_write_its_next_state_into_the_cache([ValueSource(nameof(Types))] LatentType type)
    {
        using var x = new TestLatents(type, 3, 2, 100).Fill((t, b, e) => t == 0 ? 1 : double.NaN);
        using var v = new TestLatents(type, 2, 2, 100).Fill((t, b, e) => t + 1);
        using var xDevice = new DeviceLatents(_target.Driver, x);
        using var vDevice = new DeviceLatents(_target.Driver, v);
        for (var t = 0; t < 2; t++)
        {
            _target.Latents.Replay(
                xDevice.Buffer,
                [t, t],
                vDevice.Buffer,
                [t, t],
                [-0.25, -0.25],
                xDevice.Buffer.AtStep(t + 1)
            );
        }
        using var result = xDevice.Read();
        Assert.That(result[2, 1, 99], Is.EqualTo(1 - (0.25 * 1) - (0.25 * 2)));
    }

    [Test]
    public void Scratch_memory_is_allocated_once()
    {
        if (_target.Driver is not EmulatedDriver driver)
        {
            Assert.Ignore("only the emulation counts allocations");
            return;
        }
        var shape = new QuadratureCase(LatentType.BFloat16, 2, 3000, 2);
        shape.Check(_target);
        var before = driver.Allocations;
        shape.Check(_target);
        Assert.That(driver.Allocations - before, Is.EqualTo(4), "the test's own buffers");
    }
}
