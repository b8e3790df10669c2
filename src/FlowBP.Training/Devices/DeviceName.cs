using System.Globalization;

namespace FlowBP.Training.Devices;

/// <summary>The grammar of device names: <c>auto</c>, <c>cpu</c>, <c>cuda</c>, <c>cuda:N</c>.</summary>
public static class DeviceName
{
    /// <summary>The name that leaves the choice to the machine.</summary>
    public const string Automatic = "auto";

    internal const string Cpu = "cpu";
    private const string Cuda = "cuda";

    /// <summary>Whether a text names a device.</summary>
    /// <param name="text">The text.</param>
    public static bool IsValid(string text) => text is Automatic or Cpu || GpuIndex(text) is not null;

    /// <summary>The number of the GPU that a text names; null: it names none.</summary>
    /// <param name="text">The text.</param>
    internal static int? GpuIndex(string text)
    {
        if (text == Cuda)
        {
            return 0;
        }
        return
            text.StartsWith($"{Cuda}:", StringComparison.Ordinal)
            && int.TryParse(
                text.AsSpan(Cuda.Length + 1),
                NumberStyles.None,
                CultureInfo.InvariantCulture,
                out var index
            )
            ? index
            : null;
    }
}
