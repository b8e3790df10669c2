using System.Reflection;
using System.Runtime.InteropServices;

namespace FlowBP.Torch.Interop;

/// <summary>
/// Finds libflowbp.so in an ordered list of places and says, when it is in none of them, where it looked and what to do.
/// The places: the FLOWBP_NATIVE environment variable (the file or its folder), the program's own folder, and
/// build/native of the source tree that the program was built in.
/// </summary>
internal static class NativeLibraryLocator
{
    private const string FileName = "libflowbp.so";

    public static void Register() => NativeLibrary.SetDllImportResolver(typeof(NativeLibraryLocator).Assembly, Resolve);

    private static nint Resolve(string name, Assembly assembly, DllImportSearchPath? searchPath)
    {
        if (name != "flowbp")
        {
            return 0;
        }

        BlasKernels.Choose();
        var tried = new List<string>();
        foreach (var place in Places())
        {
            if (!File.Exists(place))
            {
                tried.Add($"  {place}: not there");
            }
            else
            {
                try
                {
                    return NativeLibrary.Load(place);
                }
                catch (DllNotFoundException e)
                {
                    tried.Add($"  {place}: {e.Message.ReplaceLineEndings(" ")}");
                }
            }
        }

        throw new DllNotFoundException(
            $"{FileName} was not found. Run ./flowbp build (or cmake -S . -B build && cmake --build build), or set "
                + $"FLOWBP_NATIVE to the file. Looked in:{Environment.NewLine}"
                + string.Join(Environment.NewLine, tried)
        );
    }

    private static IEnumerable<string> Places()
    {
        if (Environment.GetEnvironmentVariable("FLOWBP_NATIVE") is { Length: > 0 } given)
        {
            yield return Directory.Exists(given) ? Path.Combine(given, FileName) : given;
        }

        yield return Path.Combine(AppContext.BaseDirectory, FileName);
        for (DirectoryInfo? folder = new(AppContext.BaseDirectory); folder is not null; folder = folder.Parent)
        {
            if (File.Exists(Path.Combine(folder.FullName, "FlowBP.sln")))
            {
                yield return Path.Combine(folder.FullName, "build", "native", FileName);
            }
        }
    }
}
