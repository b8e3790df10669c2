// Loads, stores and atomics, each checked before it happens: alignment, bounds, whether what is read was ever written, and
// whether something orders it after what other threads did to the same bytes. Nothing outside of a region is ever touched.

using FlowBP.Cuda.Interpreter.Decoding;
using FlowBP.Cuda.Interpreter.Memory;
using FlowBP.Cuda.Interpreter.Ordering;
using FlowBP.Cuda.Interpreter.Parsing;

namespace FlowBP.Cuda.Interpreter.Execution;

internal sealed unsafe class MemoryUnit(KernelLaunch launch, DeviceMemory memory)
{
    private readonly RaceDetector _races = new(launch.Order);

    internal void Load(KernelThread thread, MemoryAccess access, ulong place, ulong* r)
    {
        var address = place + (ulong)access.Offset;
        var region = access.LastRegion;
        var bytes = access.Bytes;
        if (region is null || region.IsFreed || !region.Contains(address, bytes))
        {
            region = Find(thread, access.Space, address, bytes, "reads");
            access.LastRegion = region.Space == StateSpace.Global ? region : null;
        }
        CheckAlignment(thread, address, bytes, "reads");
        CheckIsWritten(thread, region, address, bytes);
        region.WasRead = true;
        if (IsShared(region))
        {
            var line = LineOf(thread);
            var cells = region.Shadow.CellsOfAccess(address, bytes);
            if (_races.Read(thread.Order, cells, access.Kind, line) is { } conflict)
            {
                throw Error(thread, conflict, region, address, bytes, "reads");
            }
            if (access.Kind == AccessKind.Strong)
            {
                var isDeviceWide = access.Scope == MemoryScope.Device;
                launch.Order.StrongRead(thread.Order, address, access.IsSynchronizing, isDeviceWide);
            }
        }
        var data = region.At(address);
        var slots = access.Slots;
        for (var i = 0; i < slots.Length; i++)
        {
            var value = Read(data + (i * access.ElementBytes), access.ElementBytes);
            if (access.IsSigned)
            {
                value = (ulong)Arithmetic.Bits.Signed(value, 8 * access.ElementBytes);
            }
            r[slots[i]] = value & access.Masks[i];
        }
    }

    internal void Store(KernelThread thread, MemoryAccess access, ulong place, ulong* r)
    {
        var address = place + (ulong)access.Offset;
        var region = access.LastRegion;
        var bytes = access.Bytes;
        if (region is null || region.IsFreed || !region.Contains(address, bytes))
        {
            region = Find(thread, access.Space, address, bytes, "writes");
            access.LastRegion = region.Space == StateSpace.Global ? region : null;
        }
        CheckAlignment(thread, address, bytes, "writes");
        CheckMayWrite(thread, region, address, bytes);
        region.WasWritten = true;
        if (IsShared(region))
        {
            RecordWrite(thread, region, address, bytes, access.Kind);
            if (access.Kind == AccessKind.Strong)
            {
                var isDeviceWide = access.Scope == MemoryScope.Device;
                launch.Order.StrongWrite(thread.Order, address, access.IsSynchronizing, isDeviceWide, false);
            }
        }
        var data = region.At(address);
        var slots = access.Slots;
        for (var i = 0; i < slots.Length; i++)
        {
            Write(data + (i * access.ElementBytes), access.ElementBytes, r[slots[i]]);
        }
    }

    /// <summary>Executes an atomic operation; returns the old value.</summary>
    internal ulong Update(KernelThread thread, AtomicAccess access, ulong place, ulong b, ulong c)
    {
        var address = place + (ulong)access.Offset;
        var bytes = access.Bytes;
        var region = Find(thread, access.Space, address, bytes, "updates");
        CheckAlignment(thread, address, bytes, "updates");
        CheckIsWritten(thread, region, address, bytes);
        CheckMayWrite(thread, region, address, bytes);
        region.WasRead = region.WasWritten = true;
        if (IsShared(region))
        {
            var isDeviceWide = access.Scope == MemoryScope.Device;
            RecordWrite(thread, region, address, bytes, AccessKind.Strong);
            launch.Order.StrongRead(thread.Order, address, access.Acquires, isDeviceWide);
            launch.Order.StrongWrite(thread.Order, address, access.Releases, isDeviceWide, isReadModifyWrite: true);
        }
        var data = region.At(address);
        var old = Read(data, bytes);
        Write(data, bytes, access.Update(old, b, c));
        return old;
    }

    private void RecordWrite(KernelThread thread, MemoryRegion region, ulong address, int bytes, AccessKind kind)
    {
        var cells = region.Shadow.CellsOfAccess(address, bytes);
        if (_races.Write(thread.Order, cells, kind, LineOf(thread)) is { } conflict)
        {
            throw Error(thread, conflict, region, address, bytes, "writes");
        }
    }

    private MemoryRegion Find(KernelThread thread, StateSpace space, ulong address, int bytes, string verb)
    {
        var actual = AddressSpace.Of(address);
        var region = actual switch
        {
            StateSpace.Global => memory.Find(address, bytes),
            StateSpace.Shared => launch.Shared.Region,
            StateSpace.Local => thread.Private.Region,
            StateSpace.Parameter => launch.Parameters,
            _ => null,
        };
        if (region is null || !region.Contains(address, bytes))
        {
            throw OutOfBounds(thread, address, bytes, verb);
        }
        if (region.IsFreed)
        {
            throw launch.Error(
                Finding.UseAfterFree,
                thread,
                $"{verb} {bytes} bytes at 0x{address:x}, {region.Place(address)}, which was given back"
            );
        }
        if (!Reaches(space, region.Space))
        {
            throw launch.Error(
                Finding.OutOfBounds,
                thread,
                $"{verb} {bytes} bytes at 0x{address:x} as {Name(space)} memory, but that is {PlaceOf(region, address)}"
            );
        }
        return region;
    }

    private InterpreterException OutOfBounds(KernelThread thread, ulong address, int bytes, string verb)
    {
        var space = AddressSpace.Of(address);
        var nearest = space == StateSpace.Global ? memory.Nearest(address) : null;
        var where =
            space == StateSpace.Shared ? launch.Shared.Place(address)
            : address < 4096 ? "a null pointer"
            : nearest is null ? "where there is no memory"
            : nearest.Place(address) + (nearest.IsFreed ? ", which was given back" : "");
        return launch.Error(Finding.OutOfBounds, thread, $"{verb} {bytes} bytes at 0x{address:x}, {where}");
    }

    /// <summary>Whether an instruction that names a space may touch memory of another.</summary>
    private static bool Reaches(StateSpace named, StateSpace actual) =>
        named switch
        {
            StateSpace.Generic => true,
            // Parameters of calls lie in a thread's own memory.
            StateSpace.Parameter => actual is StateSpace.Parameter or StateSpace.Local,
            _ => named == actual,
        };

    private static string Name(StateSpace space) => space.ToString().ToLowerInvariant();

    /// <summary>Memory that other threads can reach.</summary>
    private static bool IsShared(MemoryRegion region) => region.Space is StateSpace.Global or StateSpace.Shared;

    private string PlaceOf(MemoryRegion region, ulong address) =>
        region.Space == StateSpace.Shared ? launch.Shared.Place(address) : region.Place(address);

    private void CheckAlignment(KernelThread thread, ulong address, int bytes, string verb)
    {
        if ((address & (ulong)(bytes - 1)) != 0)
        {
            throw launch.Error(
                Finding.Misaligned,
                thread,
                $"{verb} {bytes} bytes at 0x{address:x}, which is not a multiple of {bytes}"
            );
        }
    }

    private void CheckIsWritten(KernelThread thread, MemoryRegion region, ulong address, int bytes)
    {
        foreach (var state in region.Shadow.StatesOfAccess(address, bytes))
        {
            if (state != MemoryState.Initialized)
            {
                throw state == MemoryState.Inaccessible
                    ? Inaccessible(thread, region, address, bytes, "reads")
                    : launch.Error(
                        Finding.Uninitialized,
                        thread,
                        $"reads {bytes} bytes at 0x{address:x}, {PlaceOf(region, address)}, which nothing has written"
                    );
            }
        }
    }

    private void CheckMayWrite(KernelThread thread, MemoryRegion region, ulong address, int bytes)
    {
        if (region.Space is StateSpace.Constant or StateSpace.Parameter)
        {
            throw launch.Error(
                Finding.OutOfBounds,
                thread,
                $"writes {bytes} bytes at 0x{address:x}, {PlaceOf(region, address)}, which is read-only"
            );
        }
        foreach (ref var state in region.Shadow.StatesOfAccess(address, bytes))
        {
            if (state == MemoryState.Inaccessible)
            {
                throw Inaccessible(thread, region, address, bytes, "writes");
            }
            state = MemoryState.Initialized;
        }
    }

    private InterpreterException Inaccessible(
        KernelThread thread,
        MemoryRegion region,
        ulong address,
        int bytes,
        string verb
    ) =>
        launch.Error(
            Finding.OutOfBounds,
            thread,
            $"{verb} {bytes} bytes at 0x{address:x}, {PlaceOf(region, address)}, outside of every variable"
        );

    private InterpreterException Error(
        KernelThread thread,
        Conflict conflict,
        MemoryRegion region,
        ulong address,
        int bytes,
        string verb
    )
    {
        var other = launch.NameOf(conflict.Thread, conflict.Block, thread);
        var isSelf = conflict.Thread == thread.Index && conflict.Block == thread.Block.Order.Index;
        var did = $"{(isSelf ? "the same thread" : other)} {(conflict.OtherWrote ? "wrote" : "read")}";
        var why =
            conflict.Finding == Finding.BrokenReadOnlyPromise
                ? "one of the two goes through the read-only path (const __restrict__), which promises that nobody writes"
            : conflict.Block == thread.Block.Order.Index ? "no barrier lies between"
            : "no fences and atomics order the two blocks";
        return launch.Error(
            conflict.Finding,
            thread,
            $"{verb} {bytes} bytes at 0x{address:x}, {PlaceOf(region, address)}, which {did} at "
                + $"{launch.Where(conflict.Line)}: {why}"
        );
    }

    private static int LineOf(KernelThread thread) => thread.Code.Function.Instructions[thread.Next].Line;

    private static ulong Read(byte* data, int bytes) =>
        bytes switch
        {
            1 => *data,
            2 => *(ushort*)data,
            4 => *(uint*)data,
            _ => *(ulong*)data,
        };

    private static void Write(byte* data, int bytes, ulong value)
    {
        switch (bytes)
        {
            case 1:
                *data = (byte)value;
                break;
            case 2:
                *(ushort*)data = (ushort)value;
                break;
            case 4:
                *(uint*)data = (uint)value;
                break;
            default:
                *(ulong*)data = value;
                break;
        }
    }
}
