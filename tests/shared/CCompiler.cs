// Stand-ins for libraries that a machine may lack are written in C, and compiled by the test that uses them.

using System.Diagnostics;

namespace FlowBP.Tests;

/// <summary>This machine's C compiler.</summary>
internal static class CCompiler
{
    /// <summary>Compiles a C file to a shared library; the test is ignored where there is no compiler.</summary>
    /// <param name="source">The file.</param>
    /// <param name="target">The library.</param>
    /// <param name="libraries">What it is linked with, as <c>-lpthread</c>.</param>
    public static void SharedLibrary(string source, string target, params string[] libraries)
    {
        using var compiler = Start(["-shared", "-fPIC", "-O1", "-Wall", "-Werror", "-o", target, source, .. libraries]);
        if (compiler is null)
        {
            Assert.Ignore("a C compiler is missing: apt-get install gcc");
        }
        var output = compiler!.StandardError.ReadToEnd();
        compiler.WaitForExit();
        Assert.That(compiler.ExitCode, Is.Zero, output);
    }

    private static Process? Start(string[] arguments)
    {
        try
        {
            return Process.Start(new ProcessStartInfo("cc", arguments) { RedirectStandardError = true });
        }
        catch (System.ComponentModel.Win32Exception)
        {
            return null;
        }
    }
}
