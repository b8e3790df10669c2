// Names lie: a file of torch.save is found under .safetensors, and safetensors under .bin. Both begin with bytes that the other
// cannot begin with.

namespace FlowBP.Formats;

/// <summary>What a file of weights is, by its first bytes and then by its name.</summary>
internal static class WeightsKind
{
    private const int Start = 9;

    // The magic number that torch.save wrote before it wrote zip archives, as a pickle of protocol 2.
    private static ReadOnlySpan<byte> LegacyPickle => [0x80, 0x02, 0x8A, 0x0A];

    /// <summary>Whether a file is to be read as one of torch.save.</summary>
    /// <param name="path">The file; where it cannot be read, its name decides, and whoever opens it says so.</param>
    /// <param name="isNamedSo">Whether its name says so.</param>
    public static bool IsPickled(string path, bool isNamedSo)
    {
        Span<byte> start = stackalloc byte[Start];
        try
        {
            using var stream = File.OpenRead(path);
            if (stream.ReadAtLeast(start, Start, throwOnEndOfStream: false) < Start)
            {
                return isNamedSo;
            }
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return isNamedSo;
        }
        // A header of less than 4 GB, and the brace that it begins with.
        var isSafetensors = start[8] == (byte)'{' && start[4..8].SequenceEqual(stackalloc byte[4]);
        return !isSafetensors && (isNamedSo || start.StartsWith("PK\u0003\u0004"u8) || start.StartsWith(LegacyPickle));
    }
}
