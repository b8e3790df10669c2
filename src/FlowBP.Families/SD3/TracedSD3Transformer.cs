// The joint transformer of Stable Diffusion 3, operation by operation as JointTransformerBlock and JointAttention run it.

using FlowBP.Families.Tracing;

namespace FlowBP.Families.SD3;

/// <summary>An <see cref="SD3Transformer2DModel"/> on paper.</summary>
/// <param name="config">Its sizes.</param>
internal sealed class TracedSD3Transformer(SD3TransformerConfig config) : ITracedTransformer
{
    private const long Frequencies = 256;

    private readonly long width = config.InnerDim;

    /// <inheritdoc/>
    public string Name => nameof(SD3Transformer2DModel);

    /// <inheritdoc/>
    public int Blocks => config.NumLayers;

    /// <inheritdoc/>
    public int LatentChannels => config.InChannels;

    /// <inheritdoc/>
    public int PatchSize => config.PatchSize;

    /// <inheritdoc/>
    public int TextWidth => config.JointAttentionDim;

    /// <inheritdoc/>
    public IReadOnlyList<string> AdapterRoles { get; } =
    ["to_q", "to_k", "to_v", "to_out", "add_q_proj", "add_k_proj", "add_v_proj", "to_add_out"];

    /// <inheritdoc/>
    public TracedStreams Embed(OperationTrace trace, TransformerInput input)
    {
        trace.BeginScope();
        var condition = TracedEmbeddings.Sum(
            trace,
            TracedEmbeddings.TwoLayers(trace, input.Samples, Frequencies, width, "time"),
            TracedEmbeddings.TwoLayers(trace, input.Samples, config.PooledProjectionDim, width, "pooled")
        );
        var latents = trace.Given(
            input.Samples * input.ImageTokens * config.PatchSize * config.PatchSize * config.InChannels,
            true
        );
        var patches = trace.Convolution(
            latents,
            config.InChannels,
            width,
            config.PatchSize,
            shrink: (long)config.PatchSize * config.PatchSize
        );
        var image = trace.Add(patches, trace.Made(input.ImageTokens * width));
        var text = trace.Linear(
            trace.Given(input.Samples * input.TextTokens * config.JointAttentionDim),
            config.JointAttentionDim,
            width,
            role: "context_embedder"
        );
        trace.EndScope(image, text, condition);
        return new(image, text, condition);
    }

    /// <inheritdoc/>
    public TracedStreams Block(OperationTrace trace, TransformerInput input, int block, TracedStreams streams)
    {
        var dual = config.DualAttentionLayers.Contains(block);
        var last = block == config.NumLayers - 1;
        trace.BeginScope();
        var image = streams.Image;
        var text = streams.Text!;
        var part = input.Samples * width;
        var modulation = Modulation(trace, streams.Condition, dual ? 9 : 6);
        // The patches' convolution leaves the image's stream channel by channel, and every sum keeps that order.
        var normed = trace.LayerNorm(image, width, strided: true);
        var textModulation = Modulation(trace, streams.Condition, last ? 2 : 6);
        var textNormed = trace.LayerNorm(text, width);
        var (attended, textAttended) = Attend(
            trace,
            input,
            Modulated(trace, normed, modulation, part),
            Modulated(trace, textNormed, textModulation, part),
            textQueries: !last
        );
        image = Gated(trace, image, attended, modulation, part);
        if (dual)
        {
            var (second, _) = Attend(
                trace,
                input,
                Modulated(trace, normed, modulation, part),
                null,
                textQueries: false,
                of: "attn2."
            );
            image = Gated(trace, image, second, modulation, part);
        }
        image = Gated(
            trace,
            image,
            FeedForward(trace, Modulated(trace, trace.LayerNorm(image, width, strided: true), modulation, part), "ff"),
            modulation,
            part
        );
        if (last)
        {
            trace.EndScope(image);
            return streams with { Image = image, Text = null };
        }
        text = Gated(trace, text, textAttended!, textModulation, part);
        text = Gated(
            trace,
            text,
            FeedForward(trace, Modulated(trace, trace.LayerNorm(text, width), textModulation, part), "ff_context"),
            textModulation,
            part
        );
        trace.EndScope(image, text);
        return streams with { Image = image, Text = text };
    }

    /// <inheritdoc/>
    public TracedTensor Head(OperationTrace trace, TransformerInput input, TracedStreams streams)
    {
        trace.BeginScope();
        var modulation = Modulation(trace, streams.Condition, 2);
        var normed = trace.LayerNorm(streams.Image, width, strided: true);
        var patches = trace.Linear(
            Modulated(trace, normed, modulation, input.Samples * width),
            width,
            (long)config.PatchSize * config.PatchSize * config.OutChannels,
            role: "proj_out"
        );
        var velocity = trace.Copy(patches);
        trace.EndScope(velocity);
        return velocity;
    }

    private (TracedTensor Image, TracedTensor? Text) Attend(
        OperationTrace trace,
        TransformerInput input,
        TracedTensor image,
        TracedTensor? text,
        bool textQueries,
        string of = ""
    )
    {
        if (text is not null && !textQueries)
        {
            // The last block has a projection for the text's queries, and nothing that asks for them.
            trace.Unused((width * width) + width + (config.QkNorm ? config.AttentionHeadDim : 0));
        }
        var q = Heads(trace, image, textQueries ? text : null, $"{of}to_q", "add_q_proj", normed: config.QkNorm);
        var k = Heads(trace, image, text, $"{of}to_k", "add_k_proj", normed: config.QkNorm);
        var v = Heads(trace, image, text, $"{of}to_v", "add_v_proj", normed: false);
        var attended = trace.Attention(
            q,
            k,
            v,
            input.Samples * config.NumAttentionHeads,
            config.AttentionHeadDim,
            strided: text is null
        );
        var joint = trace.Copy(attended);
        var imageElements = input.Samples * input.ImageTokens * width;
        if (text is null || !textQueries)
        {
            return (trace.Linear(joint, width, width, role: $"{of}to_out"), null);
        }
        return (
            trace.Linear(trace.Part(joint, imageElements), width, width, role: "to_out", strided: true),
            trace.Linear(trace.Part(joint, text.Elements), width, width, role: "to_add_out", strided: true)
        );
    }

    private TracedTensor Heads(
        OperationTrace trace,
        TracedTensor image,
        TracedTensor? text,
        string role,
        string textRole,
        bool normed
    )
    {
        var ofImage = trace.Linear(image, width, width, role: role);
        var ofText = text is null ? null : trace.Linear(text, width, width, role: textRole);
        if (normed)
        {
            ofImage = trace.RmsNorm(ofImage, config.AttentionHeadDim);
            ofText = ofText is null ? null : trace.RmsNorm(ofText, config.AttentionHeadDim);
        }
        return ofText is null ? ofImage : trace.Concatenate(ofImage, ofText);
    }

    private TracedTensor FeedForward(OperationTrace trace, TracedTensor x, string role) =>
        trace.Linear(
            trace.Activation(trace.Linear(x, width, 4 * width, role: $"{role}.in")),
            4 * width,
            width,
            role: $"{role}.out"
        );

    private TracedTensor Modulation(OperationTrace trace, TracedTensor condition, long parts) =>
        trace.Linear(trace.Activation(condition), width, parts * width, role: "norm.linear");

    private static TracedTensor Modulated(
        OperationTrace trace,
        TracedTensor normed,
        TracedTensor modulation,
        long part
    ) => TracedEmbeddings.Modulated(trace, normed, modulation, part);

    private static TracedTensor Gated(
        OperationTrace trace,
        TracedTensor stream,
        TracedTensor update,
        TracedTensor modulation,
        long part
    ) => TracedEmbeddings.Gated(trace, stream, update, modulation, part);
}
