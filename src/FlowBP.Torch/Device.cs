namespace FlowBP.Torch;

/// <summary>Where tensors live; the numbers are libtorch's.</summary>
public enum DeviceType
{
    /// <summary>Main memory.</summary>
    CPU = 0,

    /// <summary>An NVIDIA GPU.</summary>
    CUDA = 1,

    /// <summary>No memory at all: shapes and dtypes only.</summary>
    META = 14,
}

/// <summary>libtorch under the names, parameter orders and defaults of TorchSharp.</summary>
public static partial class torch
{
    /// <summary>Main memory.</summary>
    public static readonly Device CPU = new(DeviceType.CPU);

    /// <summary>The first GPU.</summary>
    public static readonly Device CUDA = new(DeviceType.CUDA, 0);

    /// <summary>Shapes and dtypes without memory.</summary>
    public static readonly Device META = new(DeviceType.META);

    // Of this thread: networks are built side by side in tests and in batch workers.
    [ThreadStatic]
    private static Device? defaultDevice;

    /// <summary>Where factories put tensors whose device isn't said; of this thread.</summary>
    public static Device get_default_device() => defaultDevice ?? CPU;

    /// <summary>
    /// Sets where factories put tensors whose device isn't said, on this thread. With <see cref="META"/> a network of any size
    /// is built without memory.
    /// </summary>
    /// <param name="device">The device.</param>
    public static void set_default_device(Device device) => defaultDevice = device;

    /// <summary>A device from its name: <c>cpu</c>, <c>cuda</c>, <c>cuda:1</c>, <c>meta</c>.</summary>
    /// <exception cref="ArgumentException">The name is none of these.</exception>
    public static Device device(string description)
    {
        var parts = description.Split(':');
        // Letters only: Enum.TryParse also takes numbers.
        if (
            parts.Length <= 2
            && parts[0].All(char.IsAsciiLetter)
            && Enum.TryParse(parts[0], ignoreCase: true, out DeviceType type)
        )
        {
            var index = type == DeviceType.CUDA ? 0 : -1;
            if (parts.Length == 1 || (int.TryParse(parts[1], out index) && index >= 0))
            {
                return new Device(type, index);
            }
        }

        throw new ArgumentException($"'{description}' is not a device (expected cpu, cuda, cuda:N or meta)");
    }

    /// <summary>A device from its type and index.</summary>
    public static Device device(DeviceType deviceType, int index = -1) => new(deviceType, index);

    /// <summary>A device: its type and, for GPUs, its index.</summary>
    /// <param name="type">The kind of device.</param>
    /// <param name="index">The GPU's index; −1 where there is only one device of the kind.</param>
    public sealed class Device(DeviceType type, int index = -1) : IEquatable<Device>
    {
        /// <summary>The kind of device.</summary>
        public DeviceType type { get; } = type;

        /// <summary>The GPU's index, or −1.</summary>
        public int index { get; } = index;

        /// <inheritdoc/>
        public bool Equals(Device? other) => other is not null && type == other.type && index == other.index;

        /// <inheritdoc/>
        public override bool Equals(object? obj) => Equals(obj as Device);

        /// <inheritdoc/>
        public override int GetHashCode() => HashCode.Combine(type, index);

        /// <inheritdoc/>
        public override string ToString()
        {
            var name = type.ToString().ToLowerInvariant();
            return index < 0 ? name : $"{name}:{index}";
        }
    }
}
