// One space of 64-bit addresses for everything. Global and constant memory have the addresses of the host memory that holds
// them, which are far above 4 GiB; shared, per-thread and parameter memory have windows below, so that their addresses fit
// 32-bit registers too. Generic addresses are these addresses, and cvta changes nothing. There is no memory at 0.

using FlowBP.Cuda.Interpreter.Parsing;

namespace FlowBP.Cuda.Interpreter.Memory;

internal static class AddressSpace
{
    internal const ulong Shared = 0x1000_0000;
    internal const ulong Private = 0x2000_0000;
    internal const ulong Parameters = 0x3000_0000;

    private const ulong WindowBytes = 0x1000_0000;
    private const ulong FirstHostAddress = 0x1_0000_0000;

    /// <summary>The space that an address belongs to; global stands for constant memory too.</summary>
    internal static StateSpace Of(ulong address) =>
        address >= FirstHostAddress ? StateSpace.Global
        : address - Shared < WindowBytes ? StateSpace.Shared
        : address - Private < WindowBytes ? StateSpace.Local
        : address - Parameters < WindowBytes ? StateSpace.Parameter
        : StateSpace.Generic;
}
