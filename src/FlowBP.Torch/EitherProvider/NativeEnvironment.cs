using System.Runtime.InteropServices;

namespace FlowBP.Torch.Interop;

/// <summary>The C environment, which native libraries read; .NET keeps a copy of it.</summary>
internal static partial class NativeEnvironment
{
    /// <summary>Sets a variable unless the user has set it. To be called before the library that reads it is loaded.</summary>
    public static void SetUnlessSet(string name, string value)
    {
        if (Environment.GetEnvironmentVariable(name) is null)
        {
            _ = setenv(name, value, 0);
        }
    }

    [LibraryImport("libc", StringMarshalling = StringMarshalling.Utf8)]
    private static partial int setenv(string name, string value, int overwrite);
}
