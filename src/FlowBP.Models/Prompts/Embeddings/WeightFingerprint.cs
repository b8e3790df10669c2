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
        var buffer = new byte[BeginningBytes];
        var length = new byte[sizeof(long)];
        foreach (var file in files)
        {
            try
            {
                using var stream = File.OpenRead(file);
                BinaryPrimitives.WriteInt64LittleEndian(length, stream.Length);
                hash.AppendData(length);
                hash.AppendData(buffer.AsSpan(0, stream.ReadAtLeast(buffer, buffer.Length, throwOnEndOfStream: false)));
                var rest = stream.Length - BeginningBytes - BlockBytes;
                for (var i = 0; i < Blocks && rest > 0; i++)
                {
                    stream.Position = BeginningBytes + (rest / (Blocks - 1) * i);
                    var block = buffer.AsSpan(0, BlockBytes);
                    hash.AppendData(block[..stream.ReadAtLeast(block, BlockBytes, throwOnEndOfStream: false)]);
                }
            }
            catch (Exception e) when (e is FileNotFoundException or DirectoryNotFoundException)
            {
                throw CheckpointException.ForFile(file, "no such file", e);
            }
            catch (Exception e) when (e is IOException or UnauthorizedAccessException)
            {
                throw CheckpointException.ForFile(file, $"cannot be read: {e.Message}", e);
            }
        }
        return Convert.ToHexStringLower(hash.GetHashAndReset());
    }
}
