// Ranks that train one model hold the same weights to the bit. Where they do not (a GPU that computes wrong, a copy that went astray), each
// goes on training a model of its own and nothing says so: therefore they are compared.

using System.Buffers.Binary;
using System.Runtime.InteropServices;
using System.Security.Cryptography;

namespace FlowBP.Training.Ranks;

/// <summary>Compares the ranks' weights.</summary>
public static class WeightsCheck
{
    private const int HashBytes = 8;

    /// <summary>Compares.</summary>
    /// <param name="ranks">The ranks.</param>
    /// <param name="weights">Names and tensors, the same on every rank, in the same order.</param>
    /// <param name="step">Training steps made.</param>
    /// <exception cref="RanksDifferException">They are not the same on all ranks; every rank throws the same.</exception>
    /// <exception cref="Distributed.RankLostException">A rank did not come in time.</exception>
    public static void Require(RankGroup ranks, IEnumerable<(string Name, Parameter Parameter)> weights, int step)
    {
        if (ranks.IsAlone)
        {
            return;
        }
        var named = weights.ToArray();
        var all = ranks.Exchange([.. named.SelectMany(each => Hash(each.Parameter))]);
        for (var i = 0; i < named.Length; i++)
        {
            var hashes = all.Select(hashes => Of(hashes, i)).ToArray();
            // Most have the right one; with two ranks nobody can tell which is wrong.
            var usual = hashes.GroupBy(hash => hash).OrderByDescending(group => group.Count()).First().Key;
            int[] others = [.. hashes.Index().Where(each => each.Item != usual).Select(each => each.Index)];
            if (others.Length > 0)
            {
                throw new RanksDifferException(named[i].Name, others, step);
            }
        }
    }

    private static ulong Of(byte[] hashes, int i) =>
        hashes.Length >= (i + 1) * HashBytes
            ? BinaryPrimitives.ReadUInt64LittleEndian(hashes.AsSpan(i * HashBytes))
            : 0;

    private static byte[] Hash(Tensor weight)
    {
        using var scope = torch.NewDisposeScope();
        // bfloat16 fits into float32 without loss.
        var values = weight.detach().to(ScalarType.Float32).cpu().contiguous();
        return SHA256.HashData(MemoryMarshal.AsBytes(values.data<float>().ToArray().AsSpan()))[..HashBytes];
    }
}

/// <summary>The weights are not the same on all ranks.</summary>
/// <param name="tensor">The first tensor that differs.</param>
/// <param name="ranks">Ranks that have it otherwise than most.</param>
/// <param name="step">Training steps made.</param>
public sealed class RanksDifferException(string tensor, IReadOnlyList<int> ranks, int step)
    : InvalidOperationException(
        $"after step {step} {tensor} is not the same on all ranks: rank {string.Join(", ", ranks)} has it otherwise than the others. The weights"
            + " can't be trusted: go on from a checkpoint, and look at those ranks' machines"
    )
{
    /// <summary>Ranks that have the tensor otherwise than most.</summary>
    public IReadOnlyList<int> Ranks { get; } = ranks;
}
