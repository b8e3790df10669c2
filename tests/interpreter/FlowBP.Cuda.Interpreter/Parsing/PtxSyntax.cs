// A module as it is written: variables, and functions whose bodies are flat lists of instructions. Each instruction keeps
// the scope in which its names are looked up, because inline assembly and calls declare registers in braces of their own.

namespace FlowBP.Cuda.Interpreter.Parsing;

internal enum StateSpace
{
    Generic,
    Global,
    Shared,
    Local,
    Constant,
    Parameter,
}

/// <param name="Name">Its name.</param>
/// <param name="Space">Where it lies.</param>
/// <param name="Type">Of its elements.</param>
/// <param name="Alignment">Bytes that its address is a multiple of.</param>
/// <param name="Bytes">Size; 0 for an array of unknown length (dynamic shared memory).</param>
/// <param name="IsExternal">Declared here, and defined elsewhere or by the launch.</param>
/// <param name="Initializer">The first bytes of the content; null where there is none.</param>
/// <param name="Line">Line of the text.</param>
internal sealed record PtxVariable(
    string Name,
    StateSpace Space,
    PtxType Type,
    int Alignment,
    long Bytes,
    bool IsExternal,
    byte[]? Initializer,
    int Line
);

/// <summary>A register. One object per declaration: equal names of different scopes are different registers.</summary>
internal sealed class PtxRegister(string name, PtxType type)
{
    internal string Name { get; } = name;

    internal PtxType Type { get; } = type;
}

/// <param name="Opcode">With all modifiers: "ld.global.nc.v4.u32".</param>
/// <param name="Guard">The predicate under which it runs; null where there is none.</param>
/// <param name="Operands">As written.</param>
/// <param name="Scope">Where its names are looked up.</param>
/// <param name="Line">Line of the text.</param>
/// <param name="SourceLine">Place in the CUDA source, "replay.cu:57"; null without line information.</param>
internal sealed record PtxInstruction(
    string Opcode,
    NameOperand? Guard,
    IReadOnlyList<PtxOperand> Operands,
    PtxScope Scope,
    int Line,
    string? SourceLine
);

/// <summary>Names declared between two braces.</summary>
internal sealed class PtxScope(PtxScope? parent)
{
    private readonly Dictionary<string, object> _declared = [];

    /// <summary>Declares a register, a variable, the place of a label (an int) or a branch table (a list of names).</summary>
    internal bool TryDeclare(string name, object meaning) => _declared.TryAdd(name, meaning);

    /// <summary>What a name means here; null if it isn't declared.</summary>
    internal object? Find(string name) => _declared.TryGetValue(name, out var meaning) ? meaning : parent?.Find(name);
}

/// <param name="Threads">Of .maxntid or .reqntid; null where neither stands.</param>
/// <param name="ThreadsAreExact">.reqntid: the block has exactly this shape.</param>
internal sealed record PtxLaunchBounds(Dim3? Threads, bool ThreadsAreExact);

internal sealed class PtxFunction(string name, bool isEntry, int line)
{
    internal string Name { get; } = name;

    internal bool IsEntry { get; } = isEntry;

    internal int Line { get; } = line;

    internal List<PtxVariable> Results { get; } = [];

    internal List<PtxVariable> Parameters { get; } = [];

    /// <summary>Variables declared in the body: shared, local, and parameters of calls.</summary>
    internal List<PtxVariable> Variables { get; } = [];

    internal List<PtxRegister> Registers { get; } = [];

    internal List<PtxInstruction> Instructions { get; } = [];

    internal PtxLaunchBounds Bounds { get; set; } = new(null, false);

    /// <summary>False for a mere declaration.</summary>
    internal bool HasBody { get; set; }
}

/// <param name="Name">What the module is called in messages.</param>
/// <param name="Architecture">The compute capability of .target.</param>
/// <param name="Variables">Declared outside of functions.</param>
/// <param name="Functions">By name.</param>
/// <param name="Lines">The text, for messages.</param>
internal sealed record PtxModule(
    string Name,
    ComputeCapability Architecture,
    IReadOnlyList<PtxVariable> Variables,
    IReadOnlyDictionary<string, PtxFunction> Functions,
    IReadOnlyList<string> Lines
)
{
    /// <summary>The text of a line, counted from 1.</summary>
    internal string Line(int number) => number >= 1 && number <= Lines.Count ? Lines[number - 1].Trim() : "";
}
