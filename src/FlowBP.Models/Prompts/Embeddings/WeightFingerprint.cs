// Hashing ten gigabytes of weights takes longer than using them once. A sample does: the size of each file, its beginning (the
// header, with every name, type and shape) and blocks spread evenly over the rest. Two encoders that were trained at all
// differ in every block.

using System.Buffers.Binary;
using System.Security.Cryptography;
using FlowBP.Formats;

namespace FlowBP.Models.Prompts;

internal static class WeightFingerprint
{
    private const int BeginningBytes = 1 << 20;
    private const int BlockBytes = 1 << 12;
    private const int Blocks = 256;

    /// <summary>SHA-256 of a sample of files, hexadecimal.</summary>
    /// <exception cref="CheckpointException">A file is missing or can't be read.</exception>
    public static string Of(IReadOnlyList<string> files)
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        foreach (var file in files)
        {
            hash.AppendData(CheckpointException.Guard(file, () => Sample(file)));
        }
        return Convert.ToHexStringLower(hash.GetHashAndReset());
    }

    private static byte[] Sample(string file)
    {
        using var stream = File.OpenRead(file);
        using var sample = new MemoryStream();
        var length = new byte[sizeof(long)];
        BinaryPrimitives.WriteInt64LittleEndian(length, stream.Length);
        sample.Write(length);
        var buffer = new byte[BeginningBytes];
        Append(BeginningBytes);
        var rest = stream.Length - BeginningBytes - BlockBytes;
        for (var i = 0; i < Blocks && rest > 0; i++)
        {
            stream.Position = BeginningBytes + (rest / (Blocks - 1) * i);
            Append(BlockBytes);
        }
        return sample.ToArray();

        void Append(int bytes) =>
            sample.Write(buffer, 0, stream.ReadAtLeast(buffer.AsSpan(0, bytes), bytes, throwOnEndOfStream: false));
    }
}
