// Every number that goes into an operator of TorchSharp (x * 0.5, and the factor 1 of x + y) is a Scalar, an object with memory of
// libtorch's that the garbage collector frees. TorchSharp does not keep it alive over the native call: when another thread collects
// meanwhile, the operator reads memory that was freed, and computes with whatever is there. No dispose scope holds Scalars, and
// most are made inside TorchSharp, so that no caller can keep them either.
//
// What can be changed is when their memory is freed. TorchSharp's finaliser calls one function of its native library; here that
// function's first bytes become a jump to one that waits. An operator reads its numbers when it begins, so that seconds are ample.

using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Security.Cryptography;

namespace FlowBP.Torch;

/// <summary>Has the memory of TorchSharp's Scalars freed later than their finalisers ask for.</summary>
internal static unsafe partial class DeferredScalars
{
    /// <summary>How long the memory stays, in milliseconds.</summary>
    public const long Delay = 10_000;

    private const string Function = "THSTorch_dispose_scalar";

    // Of the function's code in TorchSharp 0.107.0 for Linux on x64: `delete scalar`, nothing else.
    private const int CodeBytes = 51;
    private const string KnownCode = "3c5465952d585e36607b51bebc90fdf36b1181eb0f4d67e34ec2af3846d74105";

    // mov rax, address; jmp rax.
    private const int JumpBytes = 12;

    private const int ReadExecute = 1 | 4;
    private const int ReadWriteExecute = 1 | 2 | 4;

    private static readonly Lock Gate = new();
    private static readonly Queue<(nint Scalar, long Since)> Waiting = new();
    private static delegate* unmanaged<nint, void> operatorDelete;

    /// <summary>Whether Scalars wait; false where the library is another one, or the system lets nobody change code.</summary>
    public static bool AreDeferred { get; private set; }

    /// <summary>Scalars whose memory waits.</summary>
    public static int Count
    {
        get
        {
            lock (Gate)
            {
                return Waiting.Count;
            }
        }
    }

    /// <summary>Puts the jump in place, before TorchSharp makes its first Scalar.</summary>
    /// <param name="library">Handle of TorchSharp's native library.</param>
    public static void Begin(nint library)
    {
        if (
            AreDeferred
            || RuntimeInformation.ProcessArchitecture != Architecture.X64
            || !NativeLibrary.TryGetExport(library, Function, out var function)
            || !IsKnown(function)
            || !NativeLibrary.TryLoad("libstdc++.so.6", out var runtime)
            || !NativeLibrary.TryGetExport(runtime, "_ZdlPv", out var delete)
        )
        {
            return;
        }
        operatorDelete = (delegate* unmanaged<nint, void>)delete;
        AreDeferred = TryJump(function, (nint)(delegate* unmanaged[Cdecl]<nint, void>)&Defer);
    }

    /// <summary>Whether the bytes there are the function that is known.</summary>
    internal static bool IsKnown(nint function) =>
        Convert.ToHexStringLower(SHA256.HashData(new ReadOnlySpan<byte>((void*)function, CodeBytes))) == KnownCode;

    private static bool TryJump(nint from, nint to)
    {
        var page = from & ~((nint)Environment.SystemPageSize - 1);
        var length = (nuint)(from + JumpBytes - page);
        if (mprotect(page, length, ReadWriteExecute) != 0)
        {
            return false;
        }
        var code = new Span<byte>((void*)from, JumpBytes);
        code[0] = 0x48;
        code[1] = 0xB8;
        MemoryMarshal.Write(code[2..], (long)to);
        code[10] = 0xFF;
        code[11] = 0xE0;
        _ = mprotect(page, length, ReadExecute);
        return true;
    }

    /// <summary>Frees what has waited long enough.</summary>
    /// <param name="now">The time, as <see cref="Environment.TickCount64"/> tells it.</param>
    internal static void Free(long now)
    {
        lock (Gate)
        {
            while (Waiting.TryPeek(out var oldest) && now - oldest.Since > Delay)
            {
                // Of a plain number there is nothing else to destroy, and TorchSharp makes no others.
                operatorDelete(Waiting.Dequeue().Scalar);
            }
        }
    }

    [UnmanagedCallersOnly(CallConvs = [typeof(CallConvCdecl)])]
    private static void Defer(nint scalar)
    {
        var now = Environment.TickCount64;
        if (scalar != 0)
        {
            lock (Gate)
            {
                Waiting.Enqueue((scalar, now));
            }
        }
        Free(now);
    }

    [LibraryImport("libc", SetLastError = true)]
    private static partial int mprotect(nint address, nuint length, int protection);
}
