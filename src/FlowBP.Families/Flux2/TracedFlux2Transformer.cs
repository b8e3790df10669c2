// The transformer of FLUX.2: modulations shared by all blocks of a kind, gated MLPs, no biases, and single-stream blocks with
// one projection in and one out.

using FlowBP.Families.Flux1;
using FlowBP.Families.Tracing;

namespace FlowBP.Families.Flux2;

/// <summary>A FLUX.2 transformer on paper.</summary>
/// <param name="config">Its sizes.</param>
internal sealed class TracedFlux2Transformer(Flux2TransformerConfig config) : ITracedTransformer
{
    private readonly long width = config.InnerDim;
    private readonly long hidden = config.MlpDim;

    /// <inheritdoc/>
    public string Name => nameof(Flux2Transformer2DModel);

    /// <inheritdoc/>
    public int Blocks => config.NumLayers + config.NumSingleLayers;

    // A token is a patch of 2×2 elements of the autoencoder's latent.
    /// <inheritdoc/>
    public int LatentChannels => config.InChannels / 4;

    /// <inheritdoc/>
    public int PatchSize => 2;

    /// <inheritdoc/>
    public int TextWidth => config.JointAttentionDim;

    /// <inheritdoc/>
    public IReadOnlyList<string> AdapterRoles { get; } = ["to_q", "to_k", "to_v", "to_out", "to_qkv_mlp_proj"];

    /// <inheritdoc/>
    public TracedStreams Embed(OperationTrace trace, TransformerInput input)
    {
        trace.BeginScope();
        var condition = Embedding(trace, input, "time");
        if (config.GuidanceEmbeds)
        {
            condition = trace.Add(condition, Embedding(trace, input, "guidance"));
        }
        // Computed once, used by every block: image, text, single stream.
        var parts = trace.Linear(trace.Activation(condition), width, 15 * width, bias: false, role: "modulation");
        var image = trace.Linear(
            trace.Given(input.Samples * input.ImageTokens * config.InChannels, true),
            config.InChannels,
            width,
            bias: false,
            role: "x_embedder"
        );
        var text = trace.Linear(
            trace.Given(input.Samples * input.TextTokens * config.JointAttentionDim),
            config.JointAttentionDim,
            width,
            bias: false,
            role: "context_embedder"
        );
        trace.EndScope(image, text, parts);
        return new(image, text, parts);
    }

    /// <inheritdoc/>
    public TracedStreams Block(OperationTrace trace, TransformerInput input, int block, TracedStreams streams) =>
        block < config.NumLayers ? Double(trace, input, streams) : Single(trace, input, streams);

    /// <inheritdoc/>
    public TracedTensor Head(OperationTrace trace, TransformerInput input, TracedStreams streams)
    {
        trace.BeginScope();
        var image = trace.Part(streams.Image, input.Samples * input.ImageTokens * width);
        var condition = trace.Part(streams.Condition, input.Samples * width);
        var modulation = trace.Linear(trace.Activation(condition), width, 2 * width, bias: false, role: "norm.linear");
        var normed = TracedEmbeddings.Modulated(
            trace,
            trace.LayerNorm(image, width, strided: true),
            modulation,
            input.Samples * width
        );
        var velocity = trace.Linear(normed, width, config.InChannels, bias: false, role: "proj_out");
        trace.EndScope(velocity);
        return velocity;
    }

    private TracedStreams Double(OperationTrace trace, TransformerInput input, TracedStreams streams)
    {
        trace.BeginScope();
        var part = input.Samples * width;
        var (image, text, modulation) = (streams.Image, streams.Text!, streams.Condition);
        var normed = TracedEmbeddings.Modulated(trace, trace.LayerNorm(image, width), modulation, part);
        var textNormed = TracedEmbeddings.Modulated(trace, trace.LayerNorm(text, width), modulation, part);
        var q = Heads(trace, textNormed, normed, "q", isValue: false);
        var k = Heads(trace, textNormed, normed, "k", isValue: false);
        var v = Heads(trace, textNormed, normed, "v", isValue: true);
        var joint = Attend(trace, input, q, k, v);
        var attended = Out(trace, trace.Part(joint, image.Elements), "to_out");
        var textAttended = Out(trace, trace.Part(joint, text.Elements), "to_add_out");
        image = TracedEmbeddings.Gated(trace, image, attended, modulation, part);
        text = TracedEmbeddings.Gated(trace, text, textAttended, modulation, part);
        image = TracedEmbeddings.Gated(
            trace,
            image,
            FeedForward(trace, image, modulation, part, "ff"),
            modulation,
            part
        );
        text = TracedEmbeddings.Gated(
            trace,
            text,
            FeedForward(trace, text, modulation, part, "ff_context"),
            modulation,
            part
        );
        trace.EndScope(image, text);
        return streams with { Image = image, Text = text };
    }

    private TracedStreams Single(OperationTrace trace, TransformerInput input, TracedStreams streams)
    {
        trace.BeginScope();
        var part = input.Samples * width;
        var x = streams.Text is { } text ? trace.Concatenate(text, streams.Image) : streams.Image;
        var tokens = x.Elements / width;
        var normed = TracedEmbeddings.Modulated(trace, trace.LayerNorm(x, width), streams.Condition, part);
        var all = trace.Linear(normed, width, (3 * width) + (2 * hidden), bias: false, role: "to_qkv_mlp_proj");
        var q = Rotated(trace, trace.Part(all, x.Elements));
        var k = Rotated(trace, trace.Part(all, x.Elements));
        var v = trace.Part(all, x.Elements);
        var mlp = Gate(trace, trace.Part(all, tokens * 2 * hidden));
        var joined = trace.Concatenate(Attend(trace, input, q, k, v), mlp);
        var update = trace.Linear(joined, width + hidden, width, bias: false, role: "to_out");
        x = TracedEmbeddings.Gated(trace, x, update, streams.Condition, part);
        trace.EndScope(x);
        return streams with { Image = x, Text = null };
    }

    private TracedTensor Embedding(OperationTrace trace, TransformerInput input, string role) =>
        TracedEmbeddings.TwoLayers(trace, input.Samples, config.TimestepGuidanceChannels, width, role, bias: false);

    private TracedTensor Heads(OperationTrace trace, TracedTensor text, TracedTensor image, string role, bool isValue)
    {
        var ofText = trace.Linear(text, width, width, bias: false, role: $"add_{role}_proj");
        var ofImage = trace.Linear(image, width, width, bias: false, role: $"to_{role}");
        return isValue
            ? trace.Concatenate(ofText, ofImage)
            : TracedFluxTransformer.Rotated(
                trace,
                trace.Concatenate(
                    trace.RmsNorm(ofText, config.AttentionHeadDim),
                    trace.RmsNorm(ofImage, config.AttentionHeadDim)
                )
            );
    }

    private TracedTensor Rotated(OperationTrace trace, TracedTensor x) =>
        TracedFluxTransformer.Rotated(trace, trace.RmsNorm(x, config.AttentionHeadDim));

    private TracedTensor Out(OperationTrace trace, TracedTensor x, string role) =>
        trace.Linear(x, width, width, bias: false, role: role, strided: true);

    private TracedTensor Attend(
        OperationTrace trace,
        TransformerInput input,
        TracedTensor q,
        TracedTensor k,
        TracedTensor v
    ) => trace.Copy(trace.Attention(q, k, v, input.Samples * config.NumAttentionHeads, config.AttentionHeadDim));

    private TracedTensor FeedForward(
        OperationTrace trace,
        TracedTensor x,
        TracedTensor modulation,
        long part,
        string role
    )
    {
        var normed = TracedEmbeddings.Modulated(trace, trace.LayerNorm(x, width), modulation, part);
        var gated = Gate(trace, trace.Linear(normed, width, 2 * hidden, bias: false, role: $"{role}.in"));
        return trace.Linear(gated, hidden, width, bias: false, role: $"{role}.out");
    }

    // silu(a)·b over the two halves.
    private static TracedTensor Gate(OperationTrace trace, TracedTensor both)
    {
        var half = both.Elements / 2;
        return trace.Multiply(trace.Activation(trace.Part(both, half)), trace.Part(both, half));
    }
}
