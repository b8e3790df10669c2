// What the interpreter looks for. A GPU would answer most of these with wrong numbers and no message.

namespace FlowBP.Cuda.Interpreter;

/// <summary>Kinds of errors that the interpreter finds.</summary>
public enum Finding
{
    /// <summary>An access outside of every allocation, variable or parameter, or in the wrong state space.</summary>
    OutOfBounds,

    /// <summary>An address that isn't a multiple of the access's size; for vectors, of the whole vector's.</summary>
    Misaligned,

    /// <summary>A read of memory that nothing has written.</summary>
    Uninitialized,

    /// <summary>Two accesses to the same bytes, at least one of them a plain write, with nothing that orders them.</summary>
    Race,

    /// <summary>
    /// Memory that is read through <c>ld.global.nc</c> and written by the same launch: the kernel promised, by
    /// <c>const __restrict__</c>, that this doesn't happen.
    /// </summary>
    BrokenReadOnlyPromise,

    /// <summary>A barrier that not all threads of the block reach, or at which they wait in different places.</summary>
    DivergentBarrier,

    /// <summary>A shuffle, vote or warp barrier whose mask doesn't fit the lanes that take part.</summary>
    WarpMisuse,

    /// <summary>A thread that runs without end, or waits for another block.</summary>
    EndlessLoop,

    /// <summary>An integer division by zero.</summary>
    DivisionByZero,

    /// <summary>The kernel executed <c>trap</c>.</summary>
    Trap,

    /// <summary>An access to memory that was given back.</summary>
    UseAfterFree,

    /// <summary>Work on a stream touches memory that another stream writes, and nothing waited in between.</summary>
    StreamOrder,

    /// <summary>The arguments of a launch don't fit the kernel's parameters.</summary>
    BadArguments,

    /// <summary>A handle or pointer that the interpreter never gave out, or one that was given back.</summary>
    BadHandle,

    /// <summary>PTX that the interpreter doesn't know.</summary>
    UnsupportedPtx,
}
