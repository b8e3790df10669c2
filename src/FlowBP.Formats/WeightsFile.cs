// Names lie: a file of torch.save is found under .safetensors, and safetensors under .bin. Both begin with bytes that the other
// cannot begin with.

namespace FlowBP.Formats;

/// <summary>Knows files of weights by their names, and what they are by their first bytes.</summary>
internal static class WeightsFile
{
    private const int Start = 9;

    private static readonly string[] PickledExtensions = [".bin", ".pt", ".pth", ".ckpt"];

    // The magic number that torch.save wrote before it wrote zip archives, as a pickle of protocol 2.
    private static ReadOnlySpan<byte> LegacyPickle => [0x80, 0x02, 0x8A, 0x0A];

    /// <summary>Opens a file as what it is: files of torch.save are known by their first bytes, whatever they are called.</summary>
    /// <exception cref="CheckpointException">It is missing, damaged or neither.</exception>
    public static ICheckpointSource Open(string file) =>
        IsPickled(file, IsNamedPickled(file)) ? TorchFile.Open(file) : SafetensorsFile.Open(file);

    /// <summary>Whether a name is one of a file of weights.</summary>
    public static bool IsNamed(string name) =>
        name.EndsWith(".safetensors", StringComparison.OrdinalIgnoreCase) || IsNamedPickled(name);

    private static bool IsNamedPickled(string name) =>
        PickledExtensions.Any(extension => name.EndsWith(extension, StringComparison.OrdinalIgnoreCase));

    // Where the file cannot be read, its name decides, and whoever opens it says so.
    private static bool IsPickled(string path, bool isNamedSo)
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
