using System.Runtime.InteropServices;

namespace FlowBP.Torch.Interop;

/// <summary>What the bits of a <see cref="NativeValue"/> mean; FlowbpTag of native/include/flowbp.h.</summary>
internal enum NativeTag
{
    None = 0,
    Tensor = 1,
    Int = 2,
    Double = 3,
    Bool = 4,
    IntList = 5,
    DoubleList = 6,
    BoolList = 7,
    TensorList = 8,
    OptionalTensorList = 9,
    String = 10,
    Device = 11,
}

/// <summary>A tagged value on its way to or from the dispatcher; FlowbpValue.</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct NativeValue
{
    public NativeTag Tag;
    public int Length;
    public long Bits;
}

/// <summary>A tensor's metadata; FlowbpTensorInfo. The pointers are valid as long as the handle is.</summary>
[StructLayout(LayoutKind.Sequential)]
internal unsafe struct NativeTensorInfo
{
    public void* Data;
    public long* Sizes;
    public long* Strides;
    public long ElementCount;
    public long Dimensions;
    public int ScalarType;
    public int DeviceType;
    public int DeviceIndex;
    public int RequiresGrad;
    public int IsLeaf;
    public int IsContiguous;
}

/// <summary>What libtorch's allocator holds on a GPU; FlowbpDeviceMemory.</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct NativeDeviceMemory
{
    public long AllocatedBytes;
    public long PeakAllocatedBytes;
    public long ReservedBytes;
    public long PeakReservedBytes;
}
