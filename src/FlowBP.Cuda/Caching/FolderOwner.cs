// .NET tells a file's mode but not its owner, and a folder that belongs to someone else is theirs to fill. The call is statx,
// because its structure, unlike stat's, is the same on every architecture.

using System.Runtime.InteropServices;

namespace FlowBP.Cuda;

/// <summary>Who may write to a folder.</summary>
/// <param name="IsThisUser">Whether it belongs to the user that this process runs as.</param>
/// <param name="Mode">Its permissions.</param>
internal readonly partial record struct FolderOwner(bool IsThisUser, UnixFileMode Mode)
{
    private const int AtWorkingDirectory = -100;
    private const uint UidAndMode = 0x0000_0002 | 0x0000_0008;
    private const int PermissionBits = 0xFFF;

    /// <summary>Looks at a folder.</summary>
    /// <param name="folder">Its path; a link is followed.</param>
    /// <exception cref="IOException">It can't be looked at.</exception>
    public static unsafe FolderOwner Of(string folder)
    {
        StatX status;
        return statx(AtWorkingDirectory, folder, 0, UidAndMode, &status) == 0
            ? new(status.Uid == geteuid(), (UnixFileMode)(status.Mode & PermissionBits))
            : throw new IOException($"the owner of {folder} can't be told: {Marshal.GetLastPInvokeErrorMessage()}");
    }

    /// <summary>The kernel's struct statx, as far as it is read here; the rest is room.</summary>
    [StructLayout(LayoutKind.Explicit, Size = 256)]
    internal struct StatX
    {
        [FieldOffset(20)]
        public uint Uid;

        [FieldOffset(28)]
        public ushort Mode;
    }

    [LibraryImport("libc", StringMarshalling = StringMarshalling.Utf8, SetLastError = true)]
    private static unsafe partial int statx(int folder, string path, int flags, uint mask, StatX* status);

    [LibraryImport("libc")]
    private static partial uint geteuid();
}
