// The kernels themselves with one word of their text changed. On a GPU most of these would give the right numbers nearly always.

using FlowBP.Cuda.Interpreter;

namespace FlowBP.Kernels.Cuda.Tests;

public class InterpretedCudaMistakeTests
{
    private static readonly QuadratureCase Residual = new(LatentType.BFloat16, 2, 16384, 3);

    [TestCase("atom.acq_rel.gpu", "atom.relaxed.gpu", TestName = "A_counter_that_orders_nothing_is_found")]
    [TestCase("atom.acq_rel.gpu", "atom.acq_rel.cta", TestName = "A_counter_that_orders_only_a_block_is_found")]
    [TestCase("atom.acq_rel.gpu", "atom.acquire.gpu", TestName = "A_counter_that_releases_nothing_is_found")]
    [TestCase("atom.acq_rel.gpu", "atom.release.gpu", TestName = "A_counter_that_acquires_nothing_is_found")]
    public void Order_between_blocks(string right, string wrong) =>
        AssertRace(Residual.Check, "no fences and atomics order the two blocks", (right, wrong));

    [TestCase("__syncwarp();", TestName = "A_missing_warp_barrier_is_found")]
    [TestCase("__syncthreads();", TestName = "A_missing_barrier_in_front_of_the_sums_of_blocks_is_found")]
    public void Order_within_a_residual(string removed) => AssertRace(Residual.Check, "quadrature", (removed, ""));

    [Test]
    public void A_missing_barrier_of_the_norm_is_found() =>
        AssertRace(
            new NormCase([(LatentType.Float32, 4099)]).Check,
            "no barrier lies between",
            ("__syncthreads();", "")
        );

    [Test]
    public void A_read_through_the_read_only_path_of_what_is_written_in_place_is_found()
    {
        using var target = InterpretedKernels.Target(null, ("Access::Mutable", "Access::Streamed"));
        var error = Assert.Throws<InterpreterException>(() =>
            new ScalingCase(LatentType.Float32, LatentType.Float32, 2, 4096).Check(target)
        )!;
        Assert.That(error.Finding, Is.EqualTo(Finding.BrokenReadOnlyPromise));
    }

    [Test]
    public void A_vector_path_that_is_taken_too_often_is_found()
    {
        using var target = InterpretedKernels.Target(null, ("rows_are_aligned<Storage>(p)", "true"));
        var error = Assert.Throws<InterpreterException>(() =>
            new QuadratureCase(LatentType.BFloat16, 2, 4096, 1, Misalignment: 1).Check(target)
        )!;
        Assert.That(error.Finding, Is.EqualTo(Finding.Misaligned));
    }

    private static void AssertRace(Action<CudaTarget> run, string part, (string Right, string Wrong) mistake)
    {
        using var target = InterpretedKernels.Target(null, mistake);
        var error = Assert.Throws<InterpreterException>(() => run(target))!;
        Assert.That(error.Finding, Is.EqualTo(Finding.Race), error.Message);
        Assert.That(error.Message, Does.Contain(part));
    }
}
