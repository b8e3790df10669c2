// Streams, events and captured graphs. Training takes libtorch's stream; these serve the benchmarks, which time with events
// and launch what is too short to time as a graph.

using FlowBP.Cuda.Interop;

namespace FlowBP.Cuda;

public sealed unsafe partial class CudaDriver
{
    /// <inheritdoc/>
    public void Synchronize(nint stream)
    {
        using var entered = Enter();
        DriverCall.Check(DriverMethods.cuStreamSynchronize(stream), nameof(DriverMethods.cuStreamSynchronize));
    }

    /// <summary>Makes a stream that does not wait for the default stream.</summary>
    /// <returns>CUstream; to be given to <see cref="DestroyStream"/>.</returns>
    public nint CreateStream()
    {
        using var entered = Enter();
        nint stream = 0;
        DriverCall.Check(
            DriverMethods.cuStreamCreate(&stream, StreamFlags.NonBlocking),
            nameof(DriverMethods.cuStreamCreate)
        );
        return stream;
    }

    /// <summary>Destroys a stream once everything queued on it is done.</summary>
    /// <param name="stream">CUstream of <see cref="CreateStream"/>.</param>
    public void DestroyStream(nint stream)
    {
        using var entered = Enter();
        DriverCall.Check(DriverMethods.cuStreamDestroy_v2(stream), nameof(DriverMethods.cuStreamDestroy_v2));
    }

    /// <summary>Makes an event that keeps the time.</summary>
    /// <returns>CUevent; to be given to <see cref="DestroyEvent"/>.</returns>
    public nint CreateEvent()
    {
        using var entered = Enter();
        nint created = 0;
        DriverCall.Check(DriverMethods.cuEventCreate(&created, 0), nameof(DriverMethods.cuEventCreate));
        return created;
    }

    /// <summary>Queues the recording of an event: it happens when everything before it on the stream is done.</summary>
    /// <param name="recorded">CUevent.</param>
    /// <param name="stream">CUstream.</param>
    public void RecordEvent(nint recorded, nint stream)
    {
        using var entered = Enter();
        DriverCall.Check(DriverMethods.cuEventRecord(recorded, stream), nameof(DriverMethods.cuEventRecord));
    }

    /// <summary>Waits for the second of two events, and measures the time between them.</summary>
    /// <param name="start">CUevent that was recorded first.</param>
    /// <param name="end">CUevent that was recorded second.</param>
    /// <returns>Milliseconds of the device's clock; its resolution is about half a microsecond.</returns>
    public double ElapsedMilliseconds(nint start, nint end)
    {
        using var entered = Enter();
        DriverCall.Check(DriverMethods.cuEventSynchronize(end), nameof(DriverMethods.cuEventSynchronize));
        var milliseconds = 0f;
        DriverCall.Check(
            DriverMethods.cuEventElapsedTime(&milliseconds, start, end),
            nameof(DriverMethods.cuEventElapsedTime)
        );
        return milliseconds;
    }

    /// <summary>Destroys an event.</summary>
    /// <param name="destroyed">CUevent of <see cref="CreateEvent"/>.</param>
    public void DestroyEvent(nint destroyed)
    {
        using var entered = Enter();
        DriverCall.Check(DriverMethods.cuEventDestroy_v2(destroyed), nameof(DriverMethods.cuEventDestroy_v2));
    }

    /// <summary>
    /// Captures what <paramref name="queue"/> queues on a stream, instead of running it. Nothing in it may wait for the
    /// device, and no copy may read memory of the host.
    /// </summary>
    /// <param name="stream">CUstream of <see cref="CreateStream"/>: the default stream can't be captured.</param>
    /// <param name="queue">Queues work on that stream.</param>
    /// <returns>CUgraphExec; to be given to <see cref="DestroyGraph"/>.</returns>
    public nint CaptureGraph(nint stream, Action queue)
    {
        ArgumentNullException.ThrowIfNull(queue);
        using var entered = Enter();
        DriverCall.Check(
            DriverMethods.cuStreamBeginCapture_v2(stream, CaptureMode.ThreadLocal),
            nameof(DriverMethods.cuStreamBeginCapture_v2)
        );
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
            var result = DriverMethods.cuStreamEndCapture(stream, &graph);
            if (captured)
            {
                DriverCall.Check(result, nameof(DriverMethods.cuStreamEndCapture));
            }
            else if (graph != 0)
            {
                _ = DriverMethods.cuGraphDestroy(graph);
            }
        }
        try
        {
            nint executable = 0;
            DriverCall.Check(
                DriverMethods.cuGraphInstantiateWithFlags(&executable, graph, 0),
                nameof(DriverMethods.cuGraphInstantiateWithFlags)
            );
            return executable;
        }
        finally
        {
            _ = DriverMethods.cuGraphDestroy(graph);
        }
    }

    /// <summary>Queues everything that a graph holds.</summary>
    /// <param name="executable">CUgraphExec of <see cref="CaptureGraph"/>.</param>
    /// <param name="stream">CUstream.</param>
    public void LaunchGraph(nint executable, nint stream)
    {
        using var entered = Enter();
        DriverCall.Check(DriverMethods.cuGraphLaunch(executable, stream), nameof(DriverMethods.cuGraphLaunch));
    }

    /// <summary>Destroys a graph.</summary>
    /// <param name="executable">CUgraphExec of <see cref="CaptureGraph"/>.</param>
    public void DestroyGraph(nint executable)
    {
        using var entered = Enter();
        DriverCall.Check(DriverMethods.cuGraphExecDestroy(executable), nameof(DriverMethods.cuGraphExecDestroy));
    }
}
