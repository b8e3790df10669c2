// Every entry point of the driver through the real bindings, against FakeDriver.c: widths and order of arguments, strings,
// options, contexts, errors. It takes the place of the real driver in this process, so it is left out where there is one.

using System.Runtime.InteropServices;
using FlowBP.Cuda.Interop;

namespace FlowBP.Cuda.Tests;

/// <summary>What tests against the fake driver share.</summary>
public abstract unsafe class FakeDriverFixture
{
    private protected CudaDriver Driver { get; private set; } = null!;

    [OneTimeSetUp]
    public void Build()
    {
        if (NativeLibrary.TryLoad(NativeLibraries.Driver, out _))
        {
            Assert.Ignore("a driver is here, and is tested instead");
        }
        NativeLibraries.DriverHandle = FakeDriver.Library;
    }

    [OneTimeTearDown]
    public void Remove() => NativeLibraries.DriverHandle = 0;

    [SetUp]
    public void Open()
    {
        SetCurrent(0);
        Assert.That(CudaDriver.TryOpen(out var opened, out var obstacle), Is.True, obstacle?.Message);
        Driver = opened!;
    }

    [TearDown]
    public void Close() => Driver.Dispose();

    private protected nint Upload(float[] values)
    {
        var bytes = MemoryMarshal.AsBytes<float>(values);
        var pointer = Driver.Allocate(bytes.Length);
        Driver.CopyToDevice(pointer, bytes, 0);
        return pointer;
    }

    private protected nint Current() => Call<nint>("fake_current")();

    private protected void SetCurrent(nint context) =>
        ((delegate* unmanaged[Cdecl]<nint, void>)NativeLibrary.GetExport(FakeDriver.Library, "fake_set_current"))(
            context
        );

    private protected delegate* unmanaged[Cdecl]<TResult> Call<TResult>(string name)
        where TResult : unmanaged =>
        (delegate* unmanaged[Cdecl]<TResult>)NativeLibrary.GetExport(FakeDriver.Library, name);

    private protected delegate* unmanaged[Cdecl]<T, TResult> Call<T, TResult>(string name)
        where T : unmanaged
        where TResult : unmanaged =>
        (delegate* unmanaged[Cdecl]<T, TResult>)NativeLibrary.GetExport(FakeDriver.Library, name);
}
