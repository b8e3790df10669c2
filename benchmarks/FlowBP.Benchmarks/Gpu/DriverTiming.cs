// Streams, events and captured graphs of NVIDIA's driver: benchmarks time with events, and launch what is too short to time as a
// graph. A run takes libtorch's stream and needs none of it. What is made leaves the device's context current on its thread, where
// it is used.

using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using FlowBP.Cuda;

namespace FlowBP.Benchmarks.Gpu;

/// <summary>What the driver has for timing.</summary>
internal static unsafe partial class DriverTiming
{
    private const string Library = "libcuda.so.1";
    private const uint NonBlocking = 1;
    private const int ThreadLocal = 1;

    /// <summary>Makes a stream that does not wait for the default stream.</summary>
    /// <param name="driver">The device.</param>
    /// <returns>CUstream; to be given to <see cref="DestroyStream"/>.</returns>
    public static nint CreateStream(CudaDriver driver)
    {
        nint stream = 0;
        Check(cuCtxSetCurrent(driver.Context));
        Check(cuStreamCreate(&stream, NonBlocking));
        return stream;
    }

    /// <summary>Destroys a stream once everything queued on it is done.</summary>
    /// <param name="stream">CUstream of <see cref="CreateStream"/>.</param>
    public static void DestroyStream(nint stream) => Check(cuStreamDestroy_v2(stream));

    /// <summary>Makes an event that keeps the time.</summary>
    /// <param name="driver">The device.</param>
    /// <returns>CUevent; to be given to <see cref="DestroyEvent"/>.</returns>
    public static nint CreateEvent(CudaDriver driver)
    {
        nint created = 0;
        Check(cuCtxSetCurrent(driver.Context));
        Check(cuEventCreate(&created, 0));
        return created;
    }

    /// <summary>Queues the recording of an event: it happens when everything before it on the stream is done.</summary>
    /// <param name="recorded">CUevent.</param>
    /// <param name="stream">CUstream.</param>
    public static void RecordEvent(nint recorded, nint stream) => Check(cuEventRecord(recorded, stream));

    /// <summary>Waits for the second of two events, and measures the time between them.</summary>
    /// <param name="start">CUevent that was recorded first.</param>
    /// <param name="end">CUevent that was recorded second.</param>
    /// <returns>Milliseconds of the device's clock; its resolution is about half a microsecond.</returns>
    public static double ElapsedMilliseconds(nint start, nint end)
    {
        Check(cuEventSynchronize(end));
        var milliseconds = 0f;
        Check(cuEventElapsedTime(&milliseconds, start, end));
        return milliseconds;
    }

    /// <summary>Destroys an event.</summary>
    /// <param name="destroyed">CUevent of <see cref="CreateEvent"/>.</param>
    public static void DestroyEvent(nint destroyed) => Check(cuEventDestroy_v2(destroyed));

    /// <summary>
    /// Captures what <paramref name="queue"/> queues on a stream, instead of running it. Nothing in it may wait for the
    /// device, and no copy may read memory of the host.
    /// </summary>
    /// <param name="stream">CUstream of <see cref="CreateStream"/>: the default stream can't be captured.</param>
    /// <param name="queue">Queues work on that stream.</param>
    /// <returns>CUgraphExec; to be given to <see cref="DestroyGraph"/>.</returns>
    public static nint CaptureGraph(nint stream, Action queue)
    {
        Check(cuStreamBeginCapture_v2(stream, ThreadLocal));
        nint graph = 0;
        var captured = false;
        try
        {
            queue();
            captured = true;
        }
        finally
        {
            // A capture that is begun must be ended, or the stream stays unusable.
            var result = cuStreamEndCapture(stream, &graph);
            if (captured)
            {
                Check(result, nameof(cuStreamEndCapture));
            }
            else if (graph != 0)
            {
                _ = cuGraphDestroy(graph);
            }
        }
        try
        {
            nint executable = 0;
            Check(cuGraphInstantiateWithFlags(&executable, graph, 0));
            return executable;
        }
        finally
        {
            _ = cuGraphDestroy(graph);
        }
    }

    /// <summary>Queues everything that a graph holds.</summary>
    /// <param name="executable">CUgraphExec of <see cref="CaptureGraph"/>.</param>
    /// <param name="stream">CUstream.</param>
    public static void LaunchGraph(nint executable, nint stream) => Check(cuGraphLaunch(executable, stream));

    /// <summary>Destroys a graph.</summary>
    /// <param name="executable">CUgraphExec of <see cref="CaptureGraph"/>.</param>
    public static void DestroyGraph(nint executable) => Check(cuGraphExecDestroy(executable));

    private static void Check(int result, [CallerArgumentExpression(nameof(result))] string call = "")
    {
        if (result != 0)
        {
            throw new CudaException(call, $"CUresult {result}", "the driver refused");
        }
    }

    [LibraryImport(Library)]
    private static partial int cuCtxSetCurrent(nint context);

    [LibraryImport(Library)]
    private static partial int cuStreamCreate(nint* stream, uint flags);

    [LibraryImport(Library)]
    private static partial int cuStreamDestroy_v2(nint stream);

    [LibraryImport(Library)]
    private static partial int cuStreamBeginCapture_v2(nint stream, int mode);

    [LibraryImport(Library)]
    private static partial int cuStreamEndCapture(nint stream, nint* graph);

    [LibraryImport(Library)]
    private static partial int cuGraphInstantiateWithFlags(nint* executable, nint graph, ulong flags);

    [LibraryImport(Library)]
    private static partial int cuGraphLaunch(nint executable, nint stream);

    [LibraryImport(Library)]
    private static partial int cuGraphExecDestroy(nint executable);

    [LibraryImport(Library)]
    private static partial int cuGraphDestroy(nint graph);

    [LibraryImport(Library)]
    private static partial int cuEventCreate(nint* created, uint flags);

    [LibraryImport(Library)]
    private static partial int cuEventRecord(nint recorded, nint stream);

    [LibraryImport(Library)]
    private static partial int cuEventSynchronize(nint recorded);

    [LibraryImport(Library)]
    private static partial int cuEventElapsedTime(float* milliseconds, nint start, nint end);

    [LibraryImport(Library)]
    private static partial int cuEventDestroy_v2(nint destroyed);
}
