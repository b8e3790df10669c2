// Where the fixtures of independent implementations lie: beside the repository, or where FLOWBP_SHARED says.

namespace FlowBP.Models.Tests;

internal static class SharedFiles
{
    /// <summary>A path below the shared folder; the calling test is skipped, saying so, where that is absent.</summary>
    public static string Require(string relative)
    {
        var path = Path.Combine(Root(), relative);
        if (!Path.Exists(path))
        {
            Assert.Ignore($"../shared/{relative} not present");
        }
        return path;
    }

    private static string Root()
    {
        if (Environment.GetEnvironmentVariable("FLOWBP_SHARED") is { Length: > 0 } root)
        {
            return root;
        }
        for (var folder = AppContext.BaseDirectory; folder is not null; folder = Path.GetDirectoryName(folder))
        {
            if (File.Exists(Path.Combine(folder, "FlowBP.sln")))
            {
                return Path.Combine(Path.GetDirectoryName(folder)!, "shared");
            }
        }
        return "../shared";
    }
}
