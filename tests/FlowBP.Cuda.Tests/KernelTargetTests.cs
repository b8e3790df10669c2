// What to compile for on a device, from what the compiler knows.

namespace FlowBP.Cuda.Tests;

public class KernelTargetTests
{
    private static readonly ComputeCapability[] s_supported = [new(7, 5), new(8, 0), new(8, 6), new(9, 0)];

    [Test]
    public void Machine_code_where_the_compiler_knows_the_device()
    {
        Assert.That(For(9, 0), Is.EqualTo(new KernelTarget(new(9, 0), KernelCodeKind.Cubin)));
        Assert.That(For(9, 0).Option, Is.EqualTo("--gpu-architecture=sm_90"));
    }

    [Test]
    public void Ptx_of_the_newest_architecture_that_both_know_where_the_device_is_newer()
    {
        Assert.That(For(10, 0), Is.EqualTo(new KernelTarget(new(9, 0), KernelCodeKind.Ptx)));
        Assert.That(For(10, 0).Option, Is.EqualTo("--gpu-architecture=compute_90"));
        Assert.That(For(8, 9), Is.EqualTo(new KernelTarget(new(8, 6), KernelCodeKind.Ptx)));
    }

    [Test]
    public void A_device_older_than_everything_is_an_error_that_lists_what_there_is()
    {
        Assert.That(
            () => For(7, 0),
            Throws
                .TypeOf<KernelCompilationException>()
                .With.Message.EqualTo("NVRTC 13.0 can't compile for sm_70; it has: sm_75, sm_80, sm_86, sm_90")
        );
    }

    [TestCase(80, "sm_80")]
    [TestCase(100, "sm_100")]
    [TestCase(121, "sm_121")]
    public void An_architecture_is_named_by_its_number(int number, string name)
    {
        Assert.That(ComputeCapability.FromNumber(number).ToString(), Is.EqualTo(name));
        Assert.That(ComputeCapability.FromNumber(number).Number, Is.EqualTo(number));
    }

    private static KernelTarget For(int major, int minor) =>
        KernelTarget.For(new(major, minor), s_supported, "NVRTC 13.0");
}
