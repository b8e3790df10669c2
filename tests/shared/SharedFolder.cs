// Fixtures of independent implementations lie next to the repository, in ../shared, and not in it.

namespace FlowBP.Tests;

internal static class SharedFolder
{
    /// <summary>The folder of the sources that the tests were built in; null: they run elsewhere.</summary>
    public static string? Repository
    {
        get
        {
            var folder = new DirectoryInfo(AppContext.BaseDirectory);
            while (folder is not null && !File.Exists(Path.Combine(folder.FullName, "FlowBP.sln")))
            {
                folder = folder.Parent;
            }
            return folder?.FullName;
        }
    }

    /// <summary>A path below ../shared (or FLOWBP_SHARED); ignores the test, visibly, where it is missing.</summary>
    public static string Require(params string[] path)
    {
        var root = Environment.GetEnvironmentVariable("FLOWBP_SHARED") is { Length: > 0 } given
            ? given
            : Path.Combine(Path.GetDirectoryName(Repository) ?? "..", "shared");
        var full = Path.Combine([root, .. path]);
        if (!Path.Exists(full))
        {
            Assert.Ignore($"../shared/{string.Join('/', path)} not present: looked for {full}");
        }
        return full;
    }
}
