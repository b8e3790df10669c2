// The transformer of FLUX.1: blocks of two streams, then blocks of one in which attention and MLP run side by side.

using FlowBP.Families.Tracing;

namespace FlowBP.Families.Flux1;

/// <summary>A FLUX.1 transformer on paper.</summary>
/// <param name="config">Its sizes.</param>
internal sealed class TracedFluxTransformer(FluxTransformerConfig config) : ITracedTransformer
{
    private const long Frequencies = 256;

    private readonly long width = config.InnerDim;

    /// <inheritdoc/>
    public string Name => nameof(FluxTransformer2DModel);

    /// <inheritdoc/>
    public int Blocks => config.NumLayers + config.NumSingleLayers;

    // A token is a patch of 2×2 latent elements.
    /// <inheritdoc/>
    public int LatentChannels => config.InChannels / 4;

    /// <inheritdoc/>
    public int PatchSize => 2;

    /// <inheritdoc/>
    public int TextWidth => config.JointAttentionDim;

    /// <inheritdoc/>
    public IReadOnlyList<string> AdapterRoles { get; } =
    [
        "to_q",
        "to_k",
        "to_v",
        "to_out",
        "add_q_proj",
        "add_k_proj",
        "add_v_proj",
        "to_add_out",
        "ff.in",
        "ff.out",
        "ff_context.in",
        "ff_context.out",
    ];

    /// <inheritdoc/>
    public TracedStreams Embed(OperationTrace trace, TransformerInput input)
    {
        trace.BeginScope();
        var condition = TracedEmbeddings.TwoLayers(trace, input.Samples, Frequencies, width, "time");
        if (config.GuidanceEmbeds)
        {
            condition = trace.Add(
                condition,
                TracedEmbeddings.TwoLayers(trace, input.Samples, Frequencies, width, "guidance")
            );
        }
        condition = trace.Add(
            condition,
            TracedEmbeddings.TwoLayers(trace, input.Samples, config.PooledProjectionDim, width, "pooled")
        );
        var image = trace.Linear(
            trace.Given(input.Samples * input.ImageTokens * config.InChannels, true),
            config.InChannels,
            width,
            role: "x_embedder"
        );
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
    public TracedStreams Block(OperationTrace trace, TransformerInput input, int block, TracedStreams streams) =>
        block < config.NumLayers ? Double(trace, input, streams) : Single(trace, input, streams);

    /// <inheritdoc/>
    public TracedTensor Head(OperationTrace trace, TransformerInput input, TracedStreams streams)
    {
        trace.BeginScope();
        var image = trace.Part(streams.Image, input.Samples * input.ImageTokens * width);
        var modulation = trace.Linear(trace.Activation(streams.Condition), width, 2 * width, role: "norm.linear");
        var normed = TracedEmbeddings.Modulated(
            trace,
            trace.LayerNorm(image, width, strided: true),
            modulation,
            input.Samples * width
        );
        var velocity = trace.Linear(normed, width, config.InChannels, role: "proj_out");
        trace.EndScope(velocity);
        return velocity;
    }

    private TracedStreams Double(OperationTrace trace, TransformerInput input, TracedStreams streams)
    {
        trace.BeginScope();
        var part = input.Samples * width;
        var (image, text) = (streams.Image, streams.Text!);
        var modulation = trace.Linear(trace.Activation(streams.Condition), width, 6 * width, role: "norm.linear");
        var textModulation = trace.Linear(trace.Activation(streams.Condition), width, 6 * width, role: "norm.linear");
        var normed = TracedEmbeddings.Modulated(trace, trace.LayerNorm(image, width), modulation, part);
        var textNormed = TracedEmbeddings.Modulated(trace, trace.LayerNorm(text, width), textModulation, part);
        var q = Heads(trace, textNormed, normed, "q", isValue: false);
        var k = Heads(trace, textNormed, normed, "k", isValue: false);
        var v = Heads(trace, textNormed, normed, "v", isValue: true);
        var joint = Attend(trace, input, q, k, v);
        var attended = trace.Linear(trace.Part(joint, image.Elements), width, width, role: "to_out", strided: true);
        var textAttended = trace.Linear(
            trace.Part(joint, text.Elements),
            width,
            width,
            role: "to_add_out",
            strided: true
        );
        image = TracedEmbeddings.Gated(trace, image, attended, modulation, part);
        text = TracedEmbeddings.Gated(trace, text, textAttended, textModulation, part);
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
            FeedForward(trace, text, textModulation, part, "ff_context"),
            textModulation,
            part
        );
        trace.EndScope(image, text);
        return streams with { Image = image, Text = text };
    }

    // Text and image are one sequence here; the first of these blocks joins them.
    private TracedStreams Single(OperationTrace trace, TransformerInput input, TracedStreams streams)
    {
        trace.BeginScope();
        var part = input.Samples * width;
        var x = streams.Text is { } text ? trace.Concatenate(text, streams.Image) : streams.Image;
        var modulation = trace.Linear(trace.Activation(streams.Condition), width, 3 * width, role: "norm.linear");
        var normed = TracedEmbeddings.Modulated(trace, trace.LayerNorm(x, width), modulation, part);
        var mlp = trace.Activation(trace.Linear(normed, width, 4 * width, role: "proj_mlp"));
        var q = Rotated(
            trace,
            trace.RmsNorm(trace.Linear(normed, width, width, role: "to_q"), config.AttentionHeadDim)
        );
        var k = Rotated(
            trace,
            trace.RmsNorm(trace.Linear(normed, width, width, role: "to_k"), config.AttentionHeadDim)
        );
        var v = trace.Linear(normed, width, width, role: "to_v");
        var joined = trace.Concatenate(Attend(trace, input, q, k, v), mlp);
        var update = trace.Linear(joined, 5 * width, width, role: "proj_out");
        x = TracedEmbeddings.Gated(trace, x, update, modulation, part);
        trace.EndScope(x);
        return streams with { Image = x, Text = null };
    }

    private TracedTensor Heads(OperationTrace trace, TracedTensor text, TracedTensor image, string role, bool isValue)
    {
        var ofText = trace.Linear(text, width, width, role: $"add_{role}_proj");
        var ofImage = trace.Linear(image, width, width, role: $"to_{role}");
        return isValue
            ? trace.Concatenate(ofText, ofImage)
            : Rotated(
                trace,
                trace.Concatenate(
                    trace.RmsNorm(ofText, config.AttentionHeadDim),
                    trace.RmsNorm(ofImage, config.AttentionHeadDim)
                )
            );
    }

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
        return trace.Linear(
            trace.Activation(trace.Linear(normed, width, 4 * width, role: $"{role}.in")),
            4 * width,
            width,
            role: $"{role}.out"
        );
    }

    /// <summary>x·cos + rotated x·sin, in float32: the tables are constants, so nothing but them is kept.</summary>
    internal static TracedTensor Rotated(OperationTrace trace, TracedTensor x)
    {
        var wide = trace.Cast(x, Math.Max(x.ElementBytes, sizeof(float)));
        return trace.Cast(trace.Add(trace.Scale(wide), trace.Scale(trace.Scale(wide))), x.ElementBytes);
    }
}
