// The rollout's fused operations on a device: the bits of the scalar reference.

namespace FlowBP.Kernels.Cuda.Tests;

[TestFixtureSource(typeof(CudaTarget), nameof(CudaTarget.All))]
public unsafe class CudaRolloutTests(string name)
{
    private CudaTarget _target = null!;

    [OneTimeSetUp]
    public void Open() => _target = CudaTarget.Named(name);

    [OneTimeTearDown]
    public void Close() => _target?.Dispose();

    [Test]
    public void Modulated_norms_of_any_shape_give_the_bits_of_the_scalar_kernel() => Check<AdalnCase>();

    [Test]
    public void Gated_residuals_of_any_shape_give_the_bits_of_the_scalar_kernel() => Check<GatedCase>();

    [Test]
    public void Norms_of_heads_of_any_shape_give_the_bits_of_the_scalar_kernel() => Check<QkCase>();

    [Test]
    public void Guided_steps_of_any_shape_and_types_give_the_bits_of_the_scalar_kernel() => Check<EulerCase>();

    [Test]
    public void More_rows_than_a_launch_carries_are_split() =>
        new EulerCase(LatentType.BFloat16, LatentType.BFloat16, 0, GuidedEulerStepParameters.Rows + 2, 3).Check(
            _target
        );

    private void Check<TCase>()
        where TCase : RolloutCase
    {
        foreach (var shape in RolloutCase.All.OfType<TCase>())
        {
            shape.Check(_target);
        }
    }

    [Test]
    public void What_is_no_ordinary_number_spoils_its_own_row_only()
    {
        using var x = new TestLatents(LatentType.Float32, 1, 3, 64).FillNormal(1);
        using var ones = new TestLatents(LatentType.Float32, 1, 1, 64).Fill((_, _, _) => 1);
        x[0, 1, 5] = double.NaN;
        using var device = new DeviceLatents(_target.Driver, x);
        using var modulation = new DeviceLatents(_target.Driver, ones);
        var tokens = new TokenBuffer(device.Pointer, LatentType.Float32, 1, 3, 64);
        var part = new ModulationBuffer(modulation.Pointer, LatentType.Float32, 1, 64, 64);
        _target.Rollout.AdalnModulate(tokens, part, part, 1e-6, tokens);
        using var result = device.Read();
        var finite = Enumerable
            .Range(0, 3)
            .Select(l => Enumerable.Range(0, 64).Count(d => double.IsFinite(result[0, l, d])));
        Assert.That(finite, Is.EqualTo(new[] { 64, 0, 64 }));
    }
}
