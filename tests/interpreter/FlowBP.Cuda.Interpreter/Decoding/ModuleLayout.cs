// Where a module's variables lie. Shared variables of all functions get addresses of their own, apart from each other, so
// that an access past the end of one is seen; dynamic shared memory follows behind all of them.

using FlowBP.Cuda.Interpreter.Memory;
using FlowBP.Cuda.Interpreter.Parsing;

namespace FlowBP.Cuda.Interpreter.Decoding;

internal sealed class ModuleLayout
{
    /// <summary>Bytes between two variables that no access may touch.</summary>
    internal const int Gap = 16;

    private readonly Dictionary<PtxVariable, ulong> _addresses = new(ReferenceEqualityComparer.Instance);
    private readonly ulong _sharedEnd = AddressSpace.Shared;

    internal ModuleLayout(PtxModule module)
    {
        var variables = module.Variables.Concat(module.Functions.Values.SelectMany(function => function.Variables));
        var shared = variables.Where(variable => variable.Space == StateSpace.Shared).ToList();
        var dynamicAlignment = 16;
        foreach (var variable in shared)
        {
            if (IsDynamic(variable))
            {
                dynamicAlignment = Math.Max(dynamicAlignment, variable.Alignment);
                continue;
            }
            _sharedEnd = AlignUp(_sharedEnd, variable.Alignment);
            _addresses.Add(variable, _sharedEnd);
            _sharedEnd += (ulong)variable.Bytes + Gap;
        }
        DynamicShared = AlignUp(_sharedEnd, dynamicAlignment);
        foreach (var variable in shared.Where(IsDynamic))
        {
            _addresses.Add(variable, DynamicShared);
        }
    }

    /// <summary>Address of dynamic shared memory.</summary>
    internal ulong DynamicShared { get; }

    internal static bool IsDynamic(PtxVariable variable) => variable.IsExternal && variable.Bytes == 0;

    internal void Place(PtxVariable variable, ulong address) => _addresses.Add(variable, address);

    /// <summary>The address of a shared, global or constant variable; null if it has none.</summary>
    internal ulong? AddressOf(PtxVariable variable) =>
        _addresses.TryGetValue(variable, out var address) ? address : null;

    internal static ulong AlignUp(ulong address, int alignment) =>
        (address + (ulong)alignment - 1) & ~((ulong)alignment - 1);
}
