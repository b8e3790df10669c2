// From sources to launches, with the real compiler and a driver that only notes what it is asked.

using System.Text;

namespace FlowBP.Cuda.Tests;

public unsafe class KernelLibraryTests
{
    private TemporaryFolder folder = null!;

    [SetUp]
    public void SetUp() => folder = new TemporaryFolder();

    [TearDown]
    public void TearDown() => folder.Dispose();

    [Test]
    public void A_source_is_compiled_and_loaded_once_for_all_its_kernels()
    {
        var compiler = Requirement.Compiler();
        var driver = new RecordingDriver(compiler.Library.SupportedArchitectures[^1]);
        using var kernels = new KernelLibrary(driver, TestKernels.Sources, compiler, Cache());

        var kernel = kernels.Kernel("axpy.cu", "axpy");

        Assert.That(kernels.Kernel("axpy.cu", "axpy"), Is.SameAs(kernel));
        Assert.That(kernel.Resources.Registers, Is.EqualTo(1));
        Assert.That(driver.Loaded, Is.EqualTo(["axpy.cu"]));
        Assert.That(driver.Images[0][..4], Is.EqualTo("\u007FELF"u8.ToArray()), "the compiler knows the device");
    }

    [Test]
    public void A_device_newer_than_the_compiler_gets_ptx()
    {
        var compiler = Requirement.Compiler();
        var newest = compiler.Library.SupportedArchitectures[^1];
        var driver = new RecordingDriver(new(newest.Major + 1, 0));
        using var kernels = new KernelLibrary(driver, TestKernels.Sources, compiler, Cache());

        kernels.Kernel("axpy.cu", "axpy");

        Assert.That(kernels.Target, Is.EqualTo(new KernelTarget(newest, KernelCodeKind.Ptx)));
        Assert.That(Encoding.UTF8.GetString(driver.Images[0]), Does.Contain($".target {newest}"));
    }

    [Test]
    public void What_was_compiled_before_is_taken_from_the_cache()
    {
        var compiler = Requirement.Compiler();
        var target = new KernelTarget(compiler.Library.SupportedArchitectures[^1], KernelCodeKind.Ptx);
        var first = new RecordingDriver(target.Architecture);
        var second = new RecordingDriver(target.Architecture);

        using (var kernels = new KernelLibrary(first, TestKernels.Sources, compiler, Cache(), target))
        {
            kernels.Module("axpy.cu");
        }
        // Another text of the same length in the entry would be refused; so this is the first one's.
        var entries = Directory.GetFiles(folder.Path("cache"));
        using (var kernels = new KernelLibrary(second, TestKernels.Sources, compiler, Cache(), target))
        {
            kernels.Module("axpy.cu");
        }

        Assert.That(entries, Has.Length.EqualTo(1));
        Assert.That(second.Images[0], Is.EqualTo(first.Images[0]));
    }

    [Test]
    public void Modules_are_unloaded_with_the_library()
    {
        var compiler = Requirement.Compiler();
        var driver = new RecordingDriver(compiler.Library.SupportedArchitectures[^1]);
        var kernels = new KernelLibrary(driver, TestKernels.Sources, compiler, Cache());
        var handle = kernels.Module("axpy.cu").Handle;

        kernels.Dispose();
        kernels.Dispose();

        Assert.That(driver.Unloaded, Is.EqualTo([handle]));
        Assert.That(() => kernels.Module("axpy.cu"), Throws.InstanceOf<ObjectDisposedException>());
    }

    [Test]
    public void A_source_that_is_not_there_is_an_error_that_lists_those_that_are()
    {
        Assert.That(
            () => TestKernels.Sources.Source("repaly.cu"),
            Throws.ArgumentException.With.Message.EqualTo("there is no kernel source repaly.cu; there are: axpy.cu")
        );
    }

    [Test]
    public void Sources_are_read_from_an_assembly_with_their_headers()
    {
        var sources = KernelSources.EmbeddedIn(typeof(KernelLibraryTests).Assembly);

        Assert.That(sources.Names, Is.EqualTo(["embedded.cu"]));
        var source = sources.Source("embedded.cu");
        Assert.That(source.Text, Does.Contain("__global__"));
        Assert.That(source.Headers.Keys, Is.EqualTo(["embedded.cuh"]));
        Assert.That(() => Requirement.Compiler().Compile(source, new(new(8, 0), KernelCodeKind.Ptx)), Throws.Nothing);
        Assert.That(
            () => KernelSources.EmbeddedIn(typeof(KernelSources).Assembly),
            Throws.InvalidOperationException.With.Message.Contains("FlowBP.Cuda has no kernels embedded under kernels/")
        );
    }

    [Test]
    public void Arguments_lie_at_their_addresses_with_the_width_of_their_types()
    {
        var driver = new RecordingDriver(new(9, 0));
        var kernel = new Kernel(driver, 1, "any");
        var table = new Table { First = 0x1122334455667788, Second = 3 };

        driver.Launch(
            kernel,
            new(1),
            new(1),
            0,
            unchecked((nint)0x7FFF_1234_5678),
            -2,
            4_000_000_000u,
            -3L,
            ulong.MaxValue,
            1.5f,
            -2.5,
            KernelArgument.Structure(&table)
        );

        Assert.That(driver.Arguments[0], Is.EqualTo(0x7FFF_1234_5678ul));
        Assert.That((int)driver.Arguments[1], Is.EqualTo(-2));
        Assert.That((long)driver.Arguments[1], Is.EqualTo(-2), "an int is also right for a long long");
        Assert.That(driver.Arguments[2], Is.EqualTo(4_000_000_000ul));
        Assert.That((long)driver.Arguments[3], Is.EqualTo(-3));
        Assert.That(driver.Arguments[4], Is.EqualTo(ulong.MaxValue));
        Assert.That(BitConverter.UInt32BitsToSingle((uint)driver.Arguments[5]), Is.EqualTo(1.5f));
        Assert.That(BitConverter.UInt64BitsToDouble(driver.Arguments[6]), Is.EqualTo(-2.5));
        Assert.That(driver.Arguments[7], Is.EqualTo(0x1122334455667788ul));
    }

    private CompiledKernelCache Cache() => new(folder.Path("cache"));

    private struct Table
    {
        public ulong First;
        public int Second;
    }
}
