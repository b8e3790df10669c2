namespace FlowBP.Torch.Tests;

/// <summary>Which libtorch is loaded is what the library itself says, not what was configured.</summary>
public class LibtorchReleaseTests
{
    [Test]
    public void The_release_is_the_one_that_the_loaded_library_tells()
    {
        torch.ones([1]).Dispose();
        var loaded = LoadedLibrary.Find("libtorch_cpu.so");
        Assert.That(loaded, Is.Not.Null);
#if TORCHSHARP
        Assert.That(LibtorchAbi.Release?.ToString(2), Is.EqualTo("2.10"));
#else
        if (LoadedLibrary.Function("libtorch_cpu.so", "aoti_torch_abi_version") == 0)
        {
            // Before 2.2 there was no such function.
            Assert.That(LibtorchAbi.Release, Is.Null);
        }
        else
        {
            Assert.That(LibtorchAbi.Release, Is.GreaterThanOrEqualTo(new Version(2, 2)));
        }
#endif
    }

    [Test]
    public void A_function_that_a_library_has_not_and_a_library_that_is_not_loaded_are_nothing()
    {
        torch.ones([1]).Dispose();
        Assert.That((long)LoadedLibrary.Function("libtorch_cpu.so", "no_such_function"), Is.Zero);
        Assert.That((long)LoadedLibrary.Function("libnothing.so", "malloc"), Is.Zero);
        Assert.That(LoadedLibrary.Find("libnothing.so"), Is.Null);
    }
}
