namespace FlowBP.Cli.Bundling;

/// <summary>Recorded fixtures of independent implementations, where they are present.</summary>
internal static class SharedFolder
{
    /// <summary>FLOWBP_SHARED, or <c>shared</c> beside the source tree; null where there is neither.</summary>
    /// <param name="tree">The source tree.</param>
    public static string? Find(SourceTree tree) =>
        new[] { Environment.GetEnvironmentVariable("FLOWBP_SHARED"), tree.Path("..", "shared") }.FirstOrDefault(
            folder => !string.IsNullOrEmpty(folder) && Directory.Exists(folder)
        );
}
