// A tar file through xz, which .NET does not have: the program of that name compresses what is written to it. Two bundles of
// the same files are the same bytes: names in order, one time stamp, no owners.

using System.Diagnostics;
using System.Formats.Tar;
using FlowBP.Cli.Failures;

namespace FlowBP.Cli.Bundling;

/// <summary>Writes .tar.xz files.</summary>
internal static class Archive
{
    private const UnixFileMode Readable =
        UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.GroupRead | UnixFileMode.OtherRead;

    private const UnixFileMode Executable =
        Readable | UnixFileMode.UserExecute | UnixFileMode.GroupExecute | UnixFileMode.OtherExecute;

    private static readonly DateTimeOffset Time = DateTimeOffset.UnixEpoch.AddYears(40);

    // Most of a bundle is machine code, whose calls compress better with absolute addresses.
    private static readonly string[] Compression = ["--stdout", "--x86", "--lzma2=preset=9"];

    /// <summary>Makes sure that there is an xz.</summary>
    /// <exception cref="FailedException">There is none.</exception>
    public static void RequireCompressor()
    {
        using var process = Start("--version");
        process.StandardInput.Close();
        _ = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
    }

    /// <summary>Writes an archive; it appears under its name only when it is whole.</summary>
    /// <param name="target">The file; what is there is replaced.</param>
    /// <param name="entries">The files, in this order.</param>
    /// <param name="stop">Ends the work; nothing stays behind.</param>
    public static void Write(string target, IReadOnlyList<BundleEntry> entries, CancellationToken stop = default)
    {
        Directory.CreateDirectory(Path.GetDirectoryName(Path.GetFullPath(target))!);
        var partial = $"{target}.partial";
        try
        {
            using (var file = File.Create(partial))
            using (var compressor = Start(Compression))
            {
                var copying = compressor.StandardOutput.BaseStream.CopyToAsync(file, CancellationToken.None);
                using (var input = compressor.StandardInput.BaseStream)
                {
                    WriteTar(input, entries, stop);
                }
                copying.GetAwaiter().GetResult();
                compressor.WaitForExit();
                if (compressor.ExitCode != 0)
                {
                    throw new FailedException($"xz ended with code {compressor.ExitCode}; is the disk full?");
                }
            }
            File.Move(partial, target, overwrite: true);
        }
        finally
        {
            File.Delete(partial);
        }
    }

    private static void WriteTar(Stream to, IReadOnlyList<BundleEntry> entries, CancellationToken stop)
    {
        using var writer = new TarWriter(to, TarEntryFormat.Ustar, leaveOpen: true);
        foreach (var entry in entries)
        {
            stop.ThrowIfCancellationRequested();
            using var content = entry.Open();
            writer.WriteEntry(
                new UstarTarEntry(TarEntryType.RegularFile, entry.Name)
                {
                    DataStream = content,
                    Mode = entry.IsExecutable ? Executable : Readable,
                    ModificationTime = Time,
                }
            );
        }
    }

    private static Process Start(params string[] arguments)
    {
        try
        {
            return Process.Start(
                new ProcessStartInfo("xz", arguments) { RedirectStandardInput = true, RedirectStandardOutput = true }
            )!;
        }
        catch (System.ComponentModel.Win32Exception)
        {
            throw new FailedException(
                "xz is missing, which compresses the bundle; install it with: apt-get install xz-utils"
            );
        }
    }
}
