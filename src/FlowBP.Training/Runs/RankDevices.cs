using System.Text;
using FlowBP.Training.Devices;
using FlowBP.Training.Ranks;

namespace FlowBP.Training.Runs;

/// <summary>Compares where ranks compute.</summary>
internal static class RankDevices
{
    /// <summary>Refuses ranks of which some have a GPU and some have none: the others would wait for these at every step.</summary>
    /// <param name="ranks">The ranks.</param>
    /// <param name="device">This rank's.</param>
    /// <exception cref="DeviceUnavailableException">Some compute on a CPU; every rank throws the same.</exception>
    public static void RequireOneKind(RankGroup ranks, ComputeDevice device)
    {
        var isGpu = ranks
            .Exchange(Encoding.UTF8.GetBytes(device.IsGpu ? "gpu" : "cpu"))
            .Select(Encoding.UTF8.GetString);
        int[] without = [.. isGpu.Index().Where(each => each.Item == "cpu").Select(each => each.Index)];
        if (without.Length > 0 && without.Length < ranks.Size)
        {
            throw new DeviceUnavailableException(
                $"rank {string.Join(", ", without)} got no GPU and computes on the CPU, the others have one each: start as many ranks as"
                    + " there are GPUs, or set device cpu"
            );
        }
    }
}
