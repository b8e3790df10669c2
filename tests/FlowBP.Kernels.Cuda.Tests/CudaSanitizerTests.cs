// Every path through the kernels under the sanitizers: the small cases are run and recorded, and the record is repeated in
// programs that look for accesses out of bounds, undefined behaviour, and accesses that nothing orders.

namespace FlowBP.Kernels.Cuda.Tests;

public class CudaSanitizerTests
{
    [TestCase(Sanitizer.Address, "forward")]
    [TestCase(Sanitizer.Address, "shuffled 11")]
    [TestCase(Sanitizer.Thread, "forward")]
    [TestCase(Sanitizer.Thread, "reverse")]
    public void Every_kernel_is_clean(Sanitizer sanitizer, string schedule)
    {
        using var record = new LaunchRecord();
        using (var target = CudaTarget.Emulated(schedule, record: record))
        {
            foreach (var shape in QuadratureCase.Small)
            {
                shape.Check(target);
            }
            foreach (var shape in ScalingCase.Small)
            {
                shape.Check(target);
            }
            foreach (var shape in OptimizerCase.Small)
            {
                shape.Check(target);
            }
            foreach (var shape in NormCase.Small)
            {
                shape.Check(target);
            }
            foreach (var shape in RolloutCase.Small)
            {
                shape.Check(target);
            }
        }
        var (exitCode, output) = record.Play(sanitizer, schedule);
        Assert.That(exitCode, Is.Zero, output);
        Assert.That(output, Does.Contain($"{record.Launches} launches"));
        Assert.That(record.Kernels, Is.EquivalentTo(CudaKernelNames.ByFile.Values.SelectMany(kernels => kernels)));
    }
}
