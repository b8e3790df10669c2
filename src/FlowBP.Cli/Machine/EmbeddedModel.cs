namespace FlowBP.Cli.Machine;

/// <summary>The model that comes with the program.</summary>
internal static class EmbeddedModel
{
    /// <summary>Its folder; null where the program's folder is not below a source tree.</summary>
    public static string? Find()
    {
        for (DirectoryInfo? folder = new(AppContext.BaseDirectory); folder is not null; folder = folder.Parent)
        {
            if (File.Exists(Path.Combine(folder.FullName, "FlowBP.sln")))
            {
                return Path.Combine(folder.FullName, "assets", "shapes", "model");
            }
        }
        return null;
    }
}
