// torch.save has written two layouts. They differ in where the description of the tensors lies and where their bytes do, and
// in nothing else.

namespace FlowBP.Formats;

/// <summary>The parts of a file of torch.save.</summary>
internal interface ITorchLayout
{
    /// <summary>What was saved, tensors described and not read.</summary>
    object? Root { get; }

    /// <summary>Where in the file the bytes of a storage begin.</summary>
    /// <exception cref="CheckpointException">The file has no such storage, or one of another size.</exception>
    long OffsetOf(TorchStorage storage);
}
