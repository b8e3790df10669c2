// One text to compile, with everything it includes: NVRTC reads no files, so headers are given by name and text.

namespace FlowBP.Cuda;

/// <summary>A source of kernels.</summary>
/// <param name="Name">Its name in messages: "replay.cu".</param>
/// <param name="Text">CUDA C++.</param>
/// <param name="Headers">Texts of the headers, by the name that <c>#include</c> uses.</param>
public sealed record KernelSource(string Name, string Text, IReadOnlyDictionary<string, string> Headers)
{
    /// <summary>A source without headers.</summary>
    /// <param name="name">Its name in messages.</param>
    /// <param name="text">CUDA C++.</param>
    public KernelSource(string name, string text)
        : this(name, text, new Dictionary<string, string>()) { }

    /// <summary>The text that a name in a compiler's log stands for; null where it is none of these.</summary>
    internal string? TextOf(string name) => name == Name ? Text : Headers.GetValueOrDefault(name);
}
