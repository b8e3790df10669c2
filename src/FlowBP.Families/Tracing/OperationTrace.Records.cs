// What a trace remembers of an operation until its derivative has been taken.

namespace FlowBP.Families.Tracing;

internal sealed partial class OperationTrace
{
    private sealed record Operation(
        TracedTensor Output,
        List<(TracedTensor Input, bool IsAlias)> Inputs,
        List<TracedStorage> Saved,
        long BackwardTransient,
        long WeightGradient,
        double BackwardFlops
    );

    /// <summary>What an operation costs besides its inputs and its output.</summary>
    private readonly record struct Cost
    {
        /// <summary>Operations of the forward.</summary>
        public double Flops { get; init; }

        /// <summary>Operations of the derivative with respect to each input that needs one.</summary>
        public double InputFlops { get; init; }

        /// <summary>Operations of the derivative with respect to the weights.</summary>
        public double WeightFlops { get; init; }

        /// <summary>Elements of the weights.</summary>
        public long Weights { get; init; }

        /// <summary>Whether the weights are an adapter's: trained where the network's are not, and no part of it.</summary>
        public bool IsAdapter { get; init; }

        /// <summary>Saved bytes that are neither input nor output, such as a normalisation's statistics.</summary>
        public long SavedBytes { get; init; }

        /// <summary>Bytes held during the operation only.</summary>
        public long ForwardTransient { get; init; }

        /// <summary>Bytes held during the derivative only.</summary>
        public long BackwardTransient { get; init; }
    }
}
