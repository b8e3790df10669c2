// The few values of cuda.h's enumerations that are used, under the driver's names without their prefixes. They are int in C.

namespace FlowBP.Cuda.Interop;

internal static class DriverResult
{
    public const int Success = 0;
    public const int OutOfMemory = 2;
    public const int StubLibrary = 34;
    public const int NoDevice = 100;
    public const int InvalidImage = 200;
    public const int NoBinaryForGpu = 209;
    public const int UnsupportedPtxVersion = 222;
    public const int NotReady = 600;
    public const int SystemDriverMismatch = 803;
    public const int CompatNotSupportedOnDevice = 804;
}

internal enum DeviceAttribute
{
    MaxThreadsPerBlock = 1,
    MultiprocessorCount = 16,
    L2CacheSize = 38,
    ComputeCapabilityMajor = 75,
    ComputeCapabilityMinor = 76,
    MaxSharedMemoryPerBlockOptin = 97,
}

internal enum FunctionAttribute
{
    MaxThreadsPerBlock = 0,
    SharedSizeBytes = 1,
    ConstSizeBytes = 2,
    LocalSizeBytes = 3,
    NumRegs = 4,
    MaxDynamicSharedSizeBytes = 8,
}

internal enum JitOption
{
    InfoLogBuffer = 3,
    InfoLogBufferSizeBytes = 4,
    ErrorLogBuffer = 5,
    ErrorLogBufferSizeBytes = 6,
}

internal enum PointerAttribute
{
    DeviceOrdinal = 9,
}
