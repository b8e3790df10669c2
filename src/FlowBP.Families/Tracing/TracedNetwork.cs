// A transformer on paper: the network itself, of tensors without memory, walked through by operations that only count.

using FlowBP.Families.Networks;
using FlowBP.Models.Adapters;

namespace FlowBP.Families.Tracing;

/// <summary>A transformer whose passes are recorded.</summary>
internal sealed class TracedNetwork
{
    private readonly FlowTransformer transformer;
    private readonly IReadOnlyList<TransformerBlock> blocks;
    private readonly HashSet<Linear> adapted = new(ReferenceEqualityComparer.Instance);

    /// <summary>Takes a transformer.</summary>
    /// <param name="transformer">It may be without memory; it is asked for shapes only.</param>
    /// <param name="adapterTargets">The layers that adapters change, as <see cref="LoraConfig.TargetModules"/>.</param>
    public TracedNetwork(FlowTransformer transformer, IReadOnlyList<string>? adapterTargets = null)
    {
        this.transformer = transformer;
        blocks = transformer.Blocks;
        var lora = new LoraConfig { TargetModules = adapterTargets ?? [] };
        foreach (var (name, module) in transformer.named_modules())
        {
            if (module is Linear layer && lora.TargetOf(name) is not null)
            {
                adapted.Add(layer);
            }
        }
        Parameters = Elements(transformer);
        LargestBlock = blocks.Max(Elements);
    }

    /// <summary>Number of blocks.</summary>
    public int Blocks => blocks.Count;

    /// <summary>Elements of the weights.</summary>
    public long Parameters { get; }

    /// <summary>Elements of the largest block's weights.</summary>
    public long LargestBlock { get; }

    /// <summary>Elements of adapters.</summary>
    /// <param name="rank">Their rank.</param>
    public long AdapterParameters(int rank) => adapted.Sum(layer => rank * (layer.in_features + layer.out_features));

    /// <summary>The streams as the first block receives them.</summary>
    public TokenStreams<TracedTensor> Embed(OperationTrace trace, TokenCounts counts)
    {
        var (samples, image) = (counts.Samples, counts.ImageTokens);
        var channels = (long)transformer.LatentChannels * transformer.PatchSize * transformer.PatchSize;
        return transformer.Embed(
            Operations(trace, counts),
            new TransformerInput<TracedTensor>(
                trace.Given(samples * image * channels, true),
                trace.Given(samples * counts.TextTokens * transformer.TextWidth),
                transformer.PooledWidth is { } pooled ? trace.Given(samples * pooled) : null,
                trace.Given(samples),
                transformer.TakesGuidance ? trace.Given(samples) : null
            )
        );
    }

    /// <summary>One block.</summary>
    public TokenStreams<TracedTensor> Block(
        OperationTrace trace,
        TokenCounts counts,
        int block,
        TokenStreams<TracedTensor> streams
    ) => blocks[block].Apply(Operations(trace, counts), streams);

    /// <summary>The velocity from the last streams.</summary>
    public TracedTensor Head(OperationTrace trace, TokenCounts counts, TokenStreams<TracedTensor> streams) =>
        transformer.Head(Operations(trace, counts), streams, new TokenGrid(counts.ImageTokens, 1));

    /// <summary>
    /// Embedding, all blocks, head, as an evaluation without gradients runs them: the streams before a block go when it is done.
    /// </summary>
    public TracedTensor Forward(OperationTrace trace, TokenCounts counts)
    {
        trace.BeginScope();
        var streams = Embed(trace, counts);
        for (var block = 0; block < Blocks; block++)
        {
            var next = Block(trace, counts, block, streams);
            trace.Free(streams.Image);
            if (streams.Text is not null && streams.Text != next.Text)
            {
                trace.Free(streams.Text);
            }
            streams = next;
        }
        var velocity = Head(trace, counts, streams);
        trace.EndScope(velocity);
        return velocity;
    }

    private TracedOperations Operations(OperationTrace trace, TokenCounts counts) =>
        new(trace, counts.Samples, transformer.HasRotaryPositions, adapted);

    private static long Elements(nn.Module module) => module.parameters().Sum(parameter => parameter.numel());
}
