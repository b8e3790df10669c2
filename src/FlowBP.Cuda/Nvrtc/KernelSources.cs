// The kernels travel inside the assembly that launches them: no folder to find at run time, and a copied program is complete.
// The project file names them:
//
//     <EmbeddedResource Include="../../kernels/*.cu;../../kernels/*.cuh" LogicalName="kernels/%(Filename)%(Extension)" />

using System.Reflection;
using System.Text;

namespace FlowBP.Cuda;

/// <summary>Sources of kernels, and the headers that they share.</summary>
public sealed class KernelSources
{
    private const string SourceEnd = ".cu";
    private const string HeaderEnd = ".cuh";

    private readonly Dictionary<string, string> sources;
    private readonly Dictionary<string, string> headers;

    /// <summary>Takes texts as they are.</summary>
    /// <param name="texts">Texts by file name: names that end in .cu are sources, those in .cuh headers.</param>
    /// <exception cref="ArgumentException">A name ends in neither.</exception>
    public KernelSources(IReadOnlyDictionary<string, string> texts)
    {
        ArgumentNullException.ThrowIfNull(texts);
        if (texts.Keys.FirstOrDefault(name => !IsSource(name) && !IsHeader(name)) is { } stranger)
        {
            throw new ArgumentException(
                $"{stranger} is neither a source ({SourceEnd}) nor a header ({HeaderEnd})",
                nameof(texts)
            );
        }
        sources = texts.Where(text => IsSource(text.Key)).ToDictionary();
        headers = texts.Where(text => IsHeader(text.Key)).ToDictionary();
    }

    /// <summary>Names of the sources, in alphabetical order.</summary>
    public IReadOnlyList<string> Names => [.. sources.Keys.Order(StringComparer.Ordinal)];

    /// <summary>Reads the sources and headers that are embedded in an assembly under one folder.</summary>
    /// <param name="assembly">The assembly.</param>
    /// <param name="folder">The folder in the resources' names.</param>
    /// <exception cref="InvalidOperationException">There are none.</exception>
    public static KernelSources EmbeddedIn(Assembly assembly, string folder = "kernels")
    {
        ArgumentNullException.ThrowIfNull(assembly);
        var prefix = $"{folder}/";
        var texts = assembly
            .GetManifestResourceNames()
            .Where(name => name.StartsWith(prefix, StringComparison.Ordinal) && (IsSource(name) || IsHeader(name)))
            .ToDictionary(name => name[prefix.Length..], name => Read(assembly, name));
        return texts.Count > 0
            ? new(texts)
            : throw new InvalidOperationException($"{assembly.GetName().Name} has no kernels embedded under {prefix}");
    }

    /// <summary>A source with all headers.</summary>
    /// <param name="name">Its name: "replay.cu".</param>
    /// <exception cref="ArgumentException">There is none of that name.</exception>
    public KernelSource Source(string name) =>
        sources.TryGetValue(name, out var text)
            ? new(name, text, headers)
            : throw new ArgumentException($"there is no kernel source {name}; there are: {string.Join(", ", Names)}");

    private static string Read(Assembly assembly, string name)
    {
        using var stream = assembly.GetManifestResourceStream(name)!;
        using var reader = new StreamReader(stream, Encoding.UTF8);
        return reader.ReadToEnd();
    }

    private static bool IsSource(string name) => name.EndsWith(SourceEnd, StringComparison.Ordinal);

    private static bool IsHeader(string name) => name.EndsWith(HeaderEnd, StringComparison.Ordinal);
}
