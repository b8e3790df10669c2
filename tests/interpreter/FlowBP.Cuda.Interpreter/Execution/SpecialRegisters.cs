// Registers that tell a thread where it is. Their values don't change while it runs, so that they are slots like constants.

namespace FlowBP.Cuda.Interpreter.Execution;

internal static class SpecialRegisters
{
    private static readonly Dictionary<string, Func<KernelThread, ulong>> s_byName = new()
    {
        ["%tid.x"] = thread => (ulong)thread.Position.X,
        ["%tid.y"] = thread => (ulong)thread.Position.Y,
        ["%tid.z"] = thread => (ulong)thread.Position.Z,
        ["%ntid.x"] = thread => (ulong)thread.Launch.Block.X,
        ["%ntid.y"] = thread => (ulong)thread.Launch.Block.Y,
        ["%ntid.z"] = thread => (ulong)thread.Launch.Block.Z,
        ["%ctaid.x"] = thread => (ulong)thread.Block.Position.X,
        ["%ctaid.y"] = thread => (ulong)thread.Block.Position.Y,
        ["%ctaid.z"] = thread => (ulong)thread.Block.Position.Z,
        ["%nctaid.x"] = thread => (ulong)thread.Launch.Grid.X,
        ["%nctaid.y"] = thread => (ulong)thread.Launch.Grid.Y,
        ["%nctaid.z"] = thread => (ulong)thread.Launch.Grid.Z,
        ["%laneid"] = thread => (ulong)thread.Lane,
        ["%warpid"] = thread => (ulong)thread.Index / 32,
        ["%nwarpid"] = thread => ((ulong)thread.Launch.Block.Count + 31) / 32,
        ["%lanemask_eq"] = thread => 1UL << thread.Lane,
        ["%lanemask_lt"] = thread => (1UL << thread.Lane) - 1,
        ["%lanemask_le"] = thread => (2UL << thread.Lane) - 1,
        ["%lanemask_gt"] = thread => ~((2UL << thread.Lane) - 1) & 0xffffffff,
        ["%lanemask_ge"] = thread => ~((1UL << thread.Lane) - 1) & 0xffffffff,
        ["%dynamic_smem_size"] = thread => (ulong)thread.Launch.DynamicSharedBytes,
        ["%smid"] = _ => 0,
        ["%nsmid"] = _ => 1,
        ["%gridid"] = _ => 0,
    };

    /// <summary>The value of a special register in a thread; null if there is none of that name.</summary>
    internal static Func<KernelThread, ulong>? Find(string name) => s_byName.GetValueOrDefault(name);

    /// <summary>Whether a name is a clock: its value changes while the thread runs.</summary>
    internal static bool IsClock(string name) => name is "%clock" or "%clock_hi" or "%clock64" or "%globaltimer";
}
