// The memory of a pullback, predicted from two numbers per block: what its input takes and what its graph takes, for one
// sample. They are measured on the network itself, because formulas for activations are wrong as soon as an operator changes
// what it saves.
// Shape legend: B batch.

namespace FlowBP.Surrogates;

/// <summary>What a block takes, per sample.</summary>
/// <param name="InputBytes">Its moving streams.</param>
/// <param name="GraphBytes">What a forward under autograd leaves alive, its output included.</param>
public readonly record struct BlockFootprint(long InputBytes, long GraphBytes);

/// <summary>Predicts and chooses.</summary>
public static class ActivationMemory
{
    /// <summary>
    /// Bytes per sample that a pullback in segments holds at its peak: the inputs of all segments, and the largest graph of
    /// one of them. Embedding and head are small beside a block and left out, as are gradients of parameters.
    /// </summary>
    /// <param name="blocks">The blocks, in order.</param>
    /// <param name="every">Blocks of a segment.</param>
    public static long PredictBytes(IReadOnlyList<BlockFootprint> blocks, int every)
    {
        var segments = blocks.Chunk(Math.Min(every, blocks.Count)).ToArray();
        return segments.Sum(segment => segment[0].InputBytes)
            + segments.Max(segment => segment.Sum(block => block.GraphBytes));
    }

    /// <summary>
    /// The cheapest mode that fits: plain autograd, which recomputes nothing, if it does; else the segments that need least,
    /// since all of them cost the same.
    /// </summary>
    /// <param name="blocks">The blocks, in order.</param>
    /// <param name="samples">Samples of one product.</param>
    /// <param name="budgetBytes">What one product may hold.</param>
    /// <returns>Blocks of a segment; all of them for plain autograd.</returns>
    public static int Choose(IReadOnlyList<BlockFootprint> blocks, int samples, long budgetBytes) =>
        samples * PredictBytes(blocks, blocks.Count) <= budgetBytes
            ? blocks.Count
            : Enumerable.Range(1, blocks.Count).MinBy(every => PredictBytes(blocks, every));

    /// <summary>Measures every block of a network with one sample, by the allocator's count.</summary>
    /// <param name="network">The network.</param>
    /// <param name="x_B">Latents; the first sample is used.</param>
    /// <param name="sigma_B">Its time.</param>
    /// <param name="conditioning">Its conditioning.</param>
    /// <returns>One per block; null where tensor memory is not counted.</returns>
    public static IReadOnlyList<BlockFootprint>? Measure(
        IBlockwiseNetwork network,
        Tensor x_B,
        Tensor sigma_B,
        Conditioning conditioning
    )
    {
        using var scope = torch.NewDisposeScope();
        using var withGrad = torch.enable_grad();
        using var first = conditioning.Select([0]);
        var streams = network.Embed(x_B.narrow(0, 0, 1), sigma_B.narrow(0, 0, 1), first);
        List<BlockFootprint> found = [];
        foreach (var block in network.Blocks)
        {
            using var inner = torch.NewDisposeScope();
            var input = streams with
            {
                Moving = [.. streams.Moving.Select(stream => stream.detach().requires_grad_())],
            };
            if (CurrentBytes(x_B.device) is not { } before)
            {
                return null;
            }
            var moving = block.Apply(input);
            found.Add(
                new(
                    input.Moving.Sum(stream => stream.numel() * stream.element_size()),
                    CurrentBytes(x_B.device)!.Value - before
                )
            );
            streams = streams with { Moving = [.. moving.Select(stream => stream.detach().MoveToOuterDisposeScope())] };
        }
        return found.Sum(block => block.GraphBytes) > 0 ? found : null;
    }

    private static long? CurrentBytes(Device device) =>
        device.type == DeviceType.CPU ? NativeMemory.CurrentBytes : CudaMemory.Of(device.index)?.AllocatedBytes;
}
