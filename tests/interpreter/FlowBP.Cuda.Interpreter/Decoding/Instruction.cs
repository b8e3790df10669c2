// The compact form in which instructions run. All operands are slots of the thread's register file: constants, addresses
// and special registers have slots of their own, filled before the thread starts, so that reading an operand is one load.

using FlowBP.Cuda.Interpreter.Arithmetic;
using FlowBP.Cuda.Interpreter.Parsing;

namespace FlowBP.Cuda.Interpreter.Decoding;

internal enum Operation : byte
{
    // Pure functions; Detail is the delegate.
    Unary,
    Binary,
    Ternary,
    Quaternary,
    TernaryPair,

    // The most frequent pure functions, without a call.
    Move,
    Add32,
    Add64,
    Subtract32,
    MultiplyLow32,
    MultiplyAddLow32,
    MultiplyWideSigned32,
    MultiplyWideUnsigned32,
    And,
    Or,
    ShiftLeft32,
    ShiftLeft64,
    ShiftRight32,
    AddSingle,
    SubtractSingle,
    MultiplySingle,
    MultiplyAddSingle,
    LessSigned32,
    EqualBits,
    UnequalBits,
    Select,

    // Several registers; Detail is an int[] of slots.
    Pack,
    Unpack,

    // Memory; Detail is a MemoryAccess, an AtomicAccess or nothing.
    Load,
    Store,
    Atomic,
    Prefetch,
    Fence,

    // Control; the target is in A, or Detail is a table of targets or a CallTarget.
    Branch,
    BranchTable,
    Call,
    Return,
    Exit,
    Trap,

    // Other threads; Detail is a BarrierInstruction or a WarpInstruction.
    Barrier,
    Warp,
    ActiveMask,

    Clock,
    Nothing,
}

internal struct Instruction
{
    internal Operation Operation;
    internal bool GuardIsNegated;

    /// <summary>Slot of the predicate under which it runs; -1 without.</summary>
    internal int Guard;

    internal int Destination;
    internal int A;
    internal int B;
    internal int C;

    /// <summary>Fourth operand, second destination, or width of the parts of a packed register.</summary>
    internal int D;

    internal object? Detail;
}

internal enum MemoryScope
{
    Block,
    Device,
}

/// <summary>A load or a store.</summary>
internal sealed class MemoryAccess
{
    /// <summary>The space that the instruction names; generic where it names none.</summary>
    internal required StateSpace Space { get; init; }

    /// <summary>Bytes of one element.</summary>
    internal required int ElementBytes { get; init; }

    /// <summary>Elements are extended with their sign.</summary>
    internal required bool IsSigned { get; init; }

    /// <summary>Slots of the elements: destinations of a load, operands of a store.</summary>
    internal required int[] Slots { get; init; }

    /// <summary>Bits that the destinations keep.</summary>
    internal required ulong[] Masks { get; init; }

    internal required Ordering.AccessKind Kind { get; init; }

    internal required MemoryScope Scope { get; init; }

    internal required long Offset { get; init; }

    /// <summary>.acquire or .release.</summary>
    internal required bool IsSynchronizing { get; init; }

    /// <summary>Bytes of the whole vector.</summary>
    internal int Bytes => ElementBytes * Slots.Length;

    /// <summary>The region that the last access hit.</summary>
    internal Memory.MemoryRegion? LastRegion { get; set; }
}

/// <summary>atom or red.</summary>
internal sealed class AtomicAccess
{
    internal required StateSpace Space { get; init; }

    internal required int Bytes { get; init; }

    internal required long Offset { get; init; }

    /// <summary>The new value from the old one and the operands.</summary>
    internal required Ternary Update { get; init; }

    internal required MemoryScope Scope { get; init; }

    internal required bool Acquires { get; init; }

    internal required bool Releases { get; init; }
}

internal enum BarrierReduction
{
    None,
    Count,
    And,
    Or,
}

/// <summary>A barrier of the whole block; its operands are slots.</summary>
/// <param name="Reduction">What all threads learn of all threads' predicates.</param>
/// <param name="Predicate">Slot of the predicate; -1 without a reduction.</param>
/// <param name="PredicateIsNegated">Its negation counts.</param>
/// <param name="Destination">Slot of the reduction's result.</param>
/// <param name="Threads">Slot of the number of threads that it waits for; -1 for all.</param>
internal sealed record BarrierInstruction(
    BarrierReduction Reduction,
    int Predicate,
    bool PredicateIsNegated,
    int Destination,
    int Threads
);

internal enum WarpOperation
{
    Barrier,
    ShuffleUp,
    ShuffleDown,
    ShuffleXor,
    ShuffleIndex,
    VoteAll,
    VoteAny,
    VoteUniform,
    Ballot,
    MatchAny,
    MatchAll,
    Reduce,
}

/// <summary>An instruction in which lanes of a warp exchange values; its operands are slots, -1 where there is none.</summary>
internal sealed record WarpInstruction(WarpOperation Operation, int Destination, int Value, int Mask)
{
    /// <summary>The second destination, a predicate.</summary>
    internal int Predicate { get; init; } = -1;

    /// <summary>Distance, lane mask or index of a shuffle.</summary>
    internal int Lane { get; init; } = -1;

    /// <summary>Segment mask and clamp of a shuffle.</summary>
    internal int Clamp { get; init; } = -1;

    /// <summary>The value is a predicate to be negated.</summary>
    internal bool ValueIsNegated { get; init; }

    /// <summary>Joins two lanes' values.</summary>
    internal Binary? Reduction { get; init; }
}

/// <summary>A call: where arguments and results lie, from the beginning of the caller's private frame.</summary>
internal sealed class CallTarget
{
    internal required FunctionCode Callee { get; init; }

    internal required long[] Arguments { get; init; }

    internal required long[] Results { get; init; }
}
