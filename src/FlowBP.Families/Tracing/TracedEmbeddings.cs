// What all transformers here have in common: small networks over a condition, and modulation by it.

namespace FlowBP.Families.Tracing;

/// <summary>Embeddings and modulations on paper.</summary>
internal static class TracedEmbeddings
{
    /// <summary>Linear, SiLU, linear over one vector per sample.</summary>
    public static TracedTensor TwoLayers(
        OperationTrace trace,
        long samples,
        long inputs,
        long width,
        string role,
        bool bias = true
    ) =>
        trace.Linear(
            trace.Activation(trace.Linear(trace.Given(samples * inputs), inputs, width, bias, $"{role}.1")),
            width,
            width,
            bias,
            $"{role}.2"
        );

    /// <summary>The sum of two conditions.</summary>
    public static TracedTensor Sum(OperationTrace trace, TracedTensor a, TracedTensor b) => trace.Add(a, b);

    /// <summary>x·(1 + scale) + shift, both parts of a modulation.</summary>
    /// <param name="trace">The computation.</param>
    /// <param name="normed">x, one row per token.</param>
    /// <param name="modulation">All parts.</param>
    /// <param name="part">Elements of a part, over all samples.</param>
    public static TracedTensor Modulated(OperationTrace trace, TracedTensor normed, TracedTensor modulation, long part)
    {
        var scale = trace.Scale(trace.Part(modulation, part));
        return trace.Add(trace.Multiply(normed, scale), trace.Part(modulation, part));
    }

    /// <summary>stream + gate·update.</summary>
    /// <param name="trace">The computation.</param>
    /// <param name="stream">The stream.</param>
    /// <param name="update">What is added.</param>
    /// <param name="modulation">All parts; the gate is one of them.</param>
    /// <param name="part">Elements of a part, over all samples.</param>
    public static TracedTensor Gated(
        OperationTrace trace,
        TracedTensor stream,
        TracedTensor update,
        TracedTensor modulation,
        long part
    ) => trace.Add(stream, trace.Multiply(update, trace.Part(modulation, part)));
}
