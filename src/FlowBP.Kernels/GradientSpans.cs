// How a norm is shared among threads, on a CPU and on a GPU alike: a span is what one of them adds up, a whole number of the
// levels of ReductionOrder, so that the sums of the spans, added up in that order, are the sum of the row.

namespace FlowBP.Kernels;

/// <summary>Gradients cut into spans.</summary>
internal static class GradientSpans
{
    /// <summary>Elements of a span: a block of blocks of <see cref="ReductionOrder"/>.</summary>
    internal const long Elements = (long)ReductionOrder.BlockElements * ReductionOrder.BlockElements;

    /// <summary>Number of spans of a gradient.</summary>
    internal static long CountOf(GradientBuffer gradient) => ReductionOrder.QuotientRoundedUp(gradient.Count, Elements);

    /// <summary>Σ g² of each gradient from those of its spans.</summary>
    /// <param name="gradients">The gradients.</param>
    /// <param name="spans">Σ g² over their spans, one gradient's after another's. The content is lost.</param>
    /// <param name="squaredNorms">Receives the sums.</param>
    internal static void AddUp(ReadOnlySpan<GradientBuffer> gradients, Span<double> spans, Span<double> squaredNorms)
    {
        for (var i = 0; i < gradients.Length; i++)
        {
            var count = (int)CountOf(gradients[i]);
            squaredNorms[i] = ReductionOrder.Sum(spans[..count]);
            spans = spans[count..];
        }
    }
}
