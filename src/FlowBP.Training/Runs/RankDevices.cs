// Where ranks compute, and how their tensors travel. All have a GPU, or none has; where all have one and NCCL is there, tensors go from GPU
// to GPU, and through main memory otherwise.

using System.Text;
using FlowBP.Distributed;
using FlowBP.Training.Devices;
using FlowBP.Training.Ranks;

namespace FlowBP.Training.Runs;

/// <summary>The devices of a group of ranks.</summary>
internal static class RankDevices
{
    private const string None = "";

    /// <summary>Compares where the ranks compute, and connects their GPUs.</summary>
    /// <param name="ranks">The ranks.</param>
    /// <param name="device">This rank's device.</param>
    /// <param name="notice">Hears how tensors travel where it could be faster.</param>
    /// <returns>The connection, to be ended after the training; null: tensors go through main memory.</returns>
    /// <exception cref="DeviceUnavailableException">Some compute on a CPU; every rank throws the same.</exception>
    /// <exception cref="NcclException">NCCL is there and can't connect them.</exception>
    /// <exception cref="RankLostException">A rank did not come in time.</exception>
    public static IDisposable? Connect(RankGroup ranks, ComputeDevice device, Action<string> notice)
    {
        if (ranks.IsAlone)
        {
            return null;
        }
        RequireOneKind(ranks, device);
        if (!device.IsGpu)
        {
            return null;
        }
        var isFound = NcclLibrary.TryFind(out var library, out var reason);
        var releases = Texts(ranks, isFound ? library!.Version.ToString() : None);
        if (!isFound || releases.Distinct().Count() > 1)
        {
            notice(
                $"gradients of {ranks.Size} ranks go through main memory, which takes far longer than NCCL: "
                    + (reason ?? $"the ranks have different ones ({string.Join(", ", releases)}; nothing: none)")
            );
            return null;
        }
        return new Connection(library!, ranks, device);
    }

    // Refuses ranks of which some have a GPU and some have none: those with one would wait for the others at every step.
    private static void RequireOneKind(RankGroup ranks, ComputeDevice device)
    {
        var kinds = Texts(ranks, device.IsGpu ? "gpu" : "cpu");
        int[] without = [.. kinds.Index().Where(each => each.Item == "cpu").Select(each => each.Index)];
        if (without.Length > 0 && without.Length < ranks.Size)
        {
            throw new DeviceUnavailableException(
                $"rank {string.Join(", ", without)} got no GPU and computes on the CPU, the others have one each: start as many ranks as"
                    + " there are GPUs, or set device cpu"
            );
        }
    }

    private static string[] Texts(RankGroup ranks, string own) =>
        [.. ranks.Exchange(Encoding.UTF8.GetBytes(own)).Select(Encoding.UTF8.GetString)];

    private sealed class Connection : IDisposable
    {
        private readonly NcclCommunicator communicator;
        private readonly Tensor scratch;

        public Connection(NcclLibrary library, RankGroup ranks, ComputeDevice device)
        {
            // Also makes the GPU the thread's current one, which NCCL takes.
            scratch = torch.zeros([1], ScalarType.Float32, device.Device).DetachFromDisposeScope();
            var id = ranks.Exchange(ranks.Rank == 0 ? library.NewId() : [])[0];
            communicator = new(
                library,
                id,
                ranks.Rank,
                ranks.Size,
                ranks.Timeout,
                device.IsIdle,
                TensorPointer.Of(scratch),
                () => ranks.Lost
            );
            ranks.Attach(communicator);
        }

        public void Dispose()
        {
            communicator.Dispose();
            scratch.Dispose();
        }
    }
}
