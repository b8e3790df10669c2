// Gradient checkpointing for a trainer of one's own: the blocks of a network as they are, in a call that takes the place of the
// loop over them. (The executor of FlowBP.Surrogates pulls back without this, since it knows more: BlockwiseVelocityField.)
// Shape legend: whatever the blocks take.

namespace FlowBP.Torch;

/// <summary>Runs blocks one after the other and keeps their inputs alone for the backward pass.</summary>
/// <remarks>
/// A segment of blocks is run again, with its graph, when the backward pass reaches it: one more forward pass of time, and the
/// memory of one segment's activations. The gradients are those of the plain loop, of parameters too. Blocks with dropout or
/// running statistics are refused while they train, since they would not give the same values again.
/// </remarks>
public static class CheckpointedBlocks
{
    /// <summary>Blocks of one stream, as <c>foreach (var block in blocks) x = block.call(x);</c>.</summary>
    /// <param name="blocks">The modules, in order.</param>
    /// <param name="x">What the first takes.</param>
    /// <param name="every">Blocks of a segment, at least 1.</param>
    /// <returns>What the last one gives.</returns>
    /// <exception cref="NotSupportedException">A block would give other values when it is run again; it is named.</exception>
    public static torch.Tensor Forward(
        IEnumerable<torch.nn.Module<torch.Tensor, torch.Tensor>> blocks,
        torch.Tensor x,
        int every = 1
    ) => Forward(blocks, (block, streams) => [block.call(streams[0])], [x], [], every)[0];

    /// <summary>Blocks with a conditioning, as <c>foreach (var block in blocks) x = block.call(x, conditioning);</c>.</summary>
    /// <param name="blocks">The modules, in order.</param>
    /// <param name="x">What the first takes.</param>
    /// <param name="conditioning">What every block takes beside it; it gets the gradients of all of them.</param>
    /// <param name="every">Blocks of a segment, at least 1.</param>
    /// <returns>What the last one gives.</returns>
    /// <exception cref="NotSupportedException">A block would give other values when it is run again; it is named.</exception>
    public static torch.Tensor Forward(
        IEnumerable<torch.nn.Module<torch.Tensor, torch.Tensor, torch.Tensor>> blocks,
        torch.Tensor x,
        torch.Tensor conditioning,
        int every = 1
    ) => Forward(blocks, (block, streams) => [block.call(streams[0], streams[1])], [x], [conditioning], every)[0];

    /// <summary>Blocks of any signature.</summary>
    /// <typeparam name="TBlock">The modules' type.</typeparam>
    /// <param name="blocks">The modules, in order.</param>
    /// <param name="call">One block's moving streams from the moving streams before it, followed by the shared ones.</param>
    /// <param name="moving">What the first takes and each rewrites, as token streams of images and of text; at least one.</param>
    /// <param name="shared">What every block takes and none rewrites; each gets the gradients of all blocks.</param>
    /// <param name="every">Blocks of a segment, at least 1.</param>
    /// <returns>What the last one gives.</returns>
    /// <exception cref="NotSupportedException">A block would give other values when it is run again; it is named.</exception>
    public static IReadOnlyList<torch.Tensor> Forward<TBlock>(
        IEnumerable<TBlock> blocks,
        Func<TBlock, IReadOnlyList<torch.Tensor>, IReadOnlyList<torch.Tensor>> call,
        IReadOnlyList<torch.Tensor> moving,
        IReadOnlyList<torch.Tensor> shared,
        int every = 1
    )
        where TBlock : torch.nn.Module
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(every, 1);
        ArgumentOutOfRangeException.ThrowIfZero(moving.Count, nameof(moving));
        TBlock[] all = [.. blocks];
        if (torch.is_grad_enabled())
        {
            CheckRepeatable(all);
        }
        var streams = moving;
        foreach (var segment in all.Chunk(every))
        {
            var inputs = streams;
            streams = Recomputation.Of(
                given => Run(segment, call, given, moving.Count),
                [.. inputs, .. shared],
                [.. segment.SelectMany(block => block.parameters())]
            );
            // The next segment's inputs are held by its graph; these handles would hold them until the caller's scope ends.
            if (!ReferenceEquals(inputs, moving))
            {
                Free(inputs);
            }
        }
        return streams;
    }

    private static IReadOnlyList<torch.Tensor> Run<TBlock>(
        TBlock[] segment,
        Func<TBlock, IReadOnlyList<torch.Tensor>, IReadOnlyList<torch.Tensor>> call,
        IReadOnlyList<torch.Tensor> given,
        int movingCount
    )
    {
        IReadOnlyList<torch.Tensor> streams = [.. given.Take(movingCount)];
        foreach (var block in segment)
        {
            streams = call(block, [.. streams, .. given.Skip(movingCount)]);
            if (streams.Count != movingCount)
            {
                throw new ArgumentException(
                    $"{typeof(TBlock).Name} gave {streams.Count} streams where {movingCount} move on",
                    nameof(call)
                );
            }
        }
        return streams;
    }

    private static void CheckRepeatable<TBlock>(TBlock[] blocks)
        where TBlock : torch.nn.Module
    {
        for (var i = 0; i < blocks.Length; i++)
        {
            foreach (var (name, module) in blocks[i].named_modules().Prepend(("", blocks[i])))
            {
                if (module.training && WhyNotRepeatable(module) is { } why)
                {
                    throw new NotSupportedException(
                        $"block {i}{(name.Length == 0 ? "" : $", {name}")} is {module.GetType().Name}, which {why}: it would give"
                            + " other values when it is run again in the backward pass; put it into eval mode, or run it outside"
                    );
                }
            }
        }
    }

    private static string? WhyNotRepeatable(torch.nn.Module module)
    {
        var kind = module.GetType().Name;
        return kind.Contains("Dropout", StringComparison.Ordinal)
            ? DropsNothing(module)
                ? null
                : "draws random numbers"
            : kind.StartsWith("RReLU", StringComparison.Ordinal)
                ? "draws random numbers"
                : module
                    .named_buffers(recurse: false)
                    .Any(buffer => buffer.Item1.StartsWith("running_", StringComparison.Ordinal))
                    ? "updates running statistics"
                    : null;
    }

    // By name, since the providers' layers share no interface.
    private static bool DropsNothing(torch.nn.Module module) =>
        module.GetType().GetProperty("p")?.GetValue(module) is 0.0;

    private static void Free(IReadOnlyList<torch.Tensor> tensors)
    {
        foreach (var tensor in tensors)
        {
            tensor.Dispose();
        }
    }
}
