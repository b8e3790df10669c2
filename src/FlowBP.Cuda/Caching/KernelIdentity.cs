// Everything that decides what a compiler makes of a source. Two compilations with the same hash give the same code.

using System.Buffers.Binary;
using System.Globalization;
using System.Security.Cryptography;
using System.Text;

namespace FlowBP.Cuda;

/// <summary>What identifies compiled code.</summary>
/// <param name="Source">Text, name (it stands in the code's debug information) and headers.</param>
/// <param name="Target">What it is compiled for.</param>
/// <param name="Options">All options, in order.</param>
/// <param name="Compiler">The release of the compiler and its file.</param>
/// <param name="Builtins">The file of its builtins.</param>
internal sealed record KernelIdentity(
    KernelSource Source,
    KernelTarget Target,
    IReadOnlyList<string> Options,
    string Compiler,
    string Builtins
)
{
    // Part of the hash: entries of another layout are not found rather than misread.
    private const string Layout = "flowbp compiled kernel 1";

    /// <summary>SHA-256 of it all, in hexadecimal digits.</summary>
    public string Hash()
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        Append(hash, Layout);
        Append(hash, Source.Name);
        Append(hash, Source.Text);
        // A dictionary has no order.
        Append(hash, Source.Headers.Count.ToString(CultureInfo.InvariantCulture));
        foreach (var (name, text) in Source.Headers.OrderBy(header => header.Key, StringComparer.Ordinal))
        {
            Append(hash, name);
            Append(hash, text);
        }
        Append(hash, Target.Option);
        Append(hash, Options.Count.ToString(CultureInfo.InvariantCulture));
        foreach (var option in Options)
        {
            Append(hash, option);
        }
        Append(hash, Compiler);
        Append(hash, Builtins);
        return Convert.ToHexStringLower(hash.GetHashAndReset());
    }

    /// <summary>What tells a file from others of its name without reading all of it: name, size, time of change.</summary>
    /// <param name="path">The file.</param>
    public static string OfFile(string path)
    {
        var file = new FileInfo(path);
        return file.Exists
            ? string.Create(CultureInfo.InvariantCulture, $"{file.Name} {file.Length} {file.LastWriteTimeUtc.Ticks}")
            : path;
    }

    // With its length, so that no two lists of texts run together into the same bytes.
    private static void Append(IncrementalHash hash, string text)
    {
        var bytes = Encoding.UTF8.GetBytes(text);
        Span<byte> length = stackalloc byte[sizeof(int)];
        BinaryPrimitives.WriteInt32LittleEndian(length, bytes.Length);
        hash.AppendData(length);
        hash.AppendData(bytes);
    }
}
