// What planning needs of a velocity network: its blocks one by one, because a pullback may keep all of them or recompute one
// after the other.

namespace FlowBP.Families.Tracing;

/// <summary>What goes into a transformer.</summary>
/// <param name="Samples">Samples at once.</param>
/// <param name="ImageTokens">Image tokens of a sample.</param>
/// <param name="TextTokens">Text tokens of a sample.</param>
internal sealed record TransformerInput(long Samples, long ImageTokens, long TextTokens);

/// <summary>What one block passes to the next.</summary>
/// <param name="Image">The image's stream, or both together.</param>
/// <param name="Text">The text's stream; null where there is none any more.</param>
/// <param name="Condition">What modulates every block.</param>
internal sealed record TracedStreams(TracedTensor Image, TracedTensor? Text, TracedTensor Condition);

/// <summary>A velocity network on paper.</summary>
internal interface ITracedTransformer
{
    /// <summary>The class that it describes.</summary>
    string Name { get; }

    /// <summary>Number of blocks.</summary>
    int Blocks { get; }

    /// <summary>Channels of a latent.</summary>
    int LatentChannels { get; }

    /// <summary>Latent elements per side of an image token.</summary>
    int PatchSize { get; }

    /// <summary>Width of the text sequence.</summary>
    int TextWidth { get; }

    /// <summary>Roles of the linear layers that LoRA adapts in the ecosystem's trainers of this network.</summary>
    IReadOnlyList<string> AdapterRoles { get; }

    /// <summary>The streams as the first block receives them.</summary>
    TracedStreams Embed(OperationTrace trace, TransformerInput input);

    /// <summary>One block.</summary>
    TracedStreams Block(OperationTrace trace, TransformerInput input, int block, TracedStreams streams);

    /// <summary>The velocity from the last streams.</summary>
    TracedTensor Head(OperationTrace trace, TransformerInput input, TracedStreams streams);
}

/// <summary>A whole evaluation.</summary>
internal static class TracedTransformers
{
    /// <summary>
    /// Embedding, all blocks, head, as an evaluation without gradients runs them: the streams before a block go when it is done.
    /// </summary>
    public static TracedTensor Forward(
        this ITracedTransformer transformer,
        OperationTrace trace,
        TransformerInput input
    )
    {
        trace.BeginScope();
        var streams = transformer.Embed(trace, input);
        for (var block = 0; block < transformer.Blocks; block++)
        {
            var next = transformer.Block(trace, input, block, streams);
            trace.Free(streams.Image);
            if (streams.Text is not null && streams.Text != next.Text)
            {
                trace.Free(streams.Text);
            }
            streams = next;
        }
        var velocity = transformer.Head(trace, input, streams);
        trace.EndScope(velocity);
        return velocity;
    }
}
