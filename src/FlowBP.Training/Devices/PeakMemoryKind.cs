namespace FlowBP.Training.Devices;

/// <summary>What a figure of peak memory counts.</summary>
public enum PeakMemoryKind
{
    /// <summary>Nothing: neither libtorch nor the system tells.</summary>
    Unknown,

    /// <summary>The bytes of all tensors, by libtorch's allocator.</summary>
    Tensors,

    /// <summary>
    /// The resident memory of the whole process, by the kernel: tensors, the program, and what the allocator keeps for reuse.
    /// </summary>
    Process,
}
