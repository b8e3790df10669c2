using System.Globalization;
using System.Runtime.InteropServices;
using System.Text.RegularExpressions;
using FlowBP.Torch.Interop;

namespace FlowBP.Torch.Tests;

/// <summary>The managed side of the layouts that native/src asserts on its side.</summary>
public class AbiTests
{
    [Test]
    public unsafe void A_value_is_sixteen_bytes()
    {
        Assert.That(sizeof(NativeValue), Is.EqualTo(16));
        Assert.That(Offset<NativeValue>(nameof(NativeValue.Tag)), Is.EqualTo(0));
        Assert.That(Offset<NativeValue>(nameof(NativeValue.Length)), Is.EqualTo(4));
        Assert.That(Offset<NativeValue>(nameof(NativeValue.Bits)), Is.EqualTo(8));
    }

    [Test]
    public unsafe void A_tensor_info_is_sixty_four_bytes()
    {
        Assert.That(sizeof(NativeTensorInfo), Is.EqualTo(64));
        Assert.That(Offset<NativeTensorInfo>(nameof(NativeTensorInfo.Data)), Is.EqualTo(0));
        Assert.That(Offset<NativeTensorInfo>(nameof(NativeTensorInfo.Sizes)), Is.EqualTo(8));
        Assert.That(Offset<NativeTensorInfo>(nameof(NativeTensorInfo.Strides)), Is.EqualTo(16));
        Assert.That(Offset<NativeTensorInfo>(nameof(NativeTensorInfo.ElementCount)), Is.EqualTo(24));
        Assert.That(Offset<NativeTensorInfo>(nameof(NativeTensorInfo.Dimensions)), Is.EqualTo(32));
        Assert.That(Offset<NativeTensorInfo>(nameof(NativeTensorInfo.ScalarType)), Is.EqualTo(40));
        Assert.That(Offset<NativeTensorInfo>(nameof(NativeTensorInfo.DeviceType)), Is.EqualTo(44));
        Assert.That(Offset<NativeTensorInfo>(nameof(NativeTensorInfo.DeviceIndex)), Is.EqualTo(48));
        Assert.That(Offset<NativeTensorInfo>(nameof(NativeTensorInfo.RequiresGrad)), Is.EqualTo(52));
        Assert.That(Offset<NativeTensorInfo>(nameof(NativeTensorInfo.IsLeaf)), Is.EqualTo(56));
        Assert.That(Offset<NativeTensorInfo>(nameof(NativeTensorInfo.IsContiguous)), Is.EqualTo(60));
    }

    [Test]
    public void Tags_are_those_of_the_header()
    {
        var header = File.ReadAllText(Path.Combine(RepositoryRoot(), "native", "include", "flowbp.h"));
        var native = Regex
            .Matches(header, @"FLOWBP_([A-Z_]+) = (\d+),")
            .ToDictionary(
                m => m.Groups[1].Value.Replace("_", "", StringComparison.Ordinal),
                m => int.Parse(m.Groups[2].Value, CultureInfo.InvariantCulture)
            );
        var managed = Enum.GetValues<NativeTag>().ToDictionary(t => t.ToString().ToUpperInvariant(), t => (int)t);

        Assert.That(managed, Is.EquivalentTo(native));
    }

    [Test]
    public void Every_operator_in_use_exists_in_this_libtorch()
    {
        // The one operator that is composed where libtorch lacks it.
        string[] composed = ["scaled_dot_product_attention"];
        var absent = typeof(Aten)
            .GetFields()
            .Select(f => (Operator)f.GetValue(null)!)
            .Where(o => !o.IsAvailable)
            .Select(o => o.Name)
            .Except(composed);

        Assert.That(absent, Is.Empty);
    }

    [Test]
    public void The_managed_pointer_is_the_address_of_the_first_element()
    {
        using var x = torch.tensor(new float[] { 1, 2, 3 });
        unsafe
        {
            Assert.That(((float*)TensorPointer.Of(x))[2], Is.EqualTo(3));
        }

        using var strided = x.expand(2, 3);
        Assert.That(() => TensorPointer.Of(strided), Throws.ArgumentException.With.Message.Contains("Float32 [2, 3]"));
    }

    private static int Offset<T>(string field) => (int)Marshal.OffsetOf<T>(field);

    private static string RepositoryRoot()
    {
        DirectoryInfo? folder = new(AppContext.BaseDirectory);
        while (folder is not null && !File.Exists(Path.Combine(folder.FullName, "FlowBP.sln")))
        {
            folder = folder.Parent;
        }

        return folder?.FullName ?? throw new DirectoryNotFoundException("no FlowBP.sln above the tests");
    }
}
