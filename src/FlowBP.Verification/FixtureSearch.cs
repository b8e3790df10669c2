namespace FlowBP.Verification;

/// <summary>Walks folders in a fixed order.</summary>
internal static class FixtureSearch
{
    /// <summary>A folder and all below it: each before what it holds, siblings in ordinal order of their names.</summary>
    /// <param name="root">The folder.</param>
    /// <exception cref="DirectoryNotFoundException">There is no such folder.</exception>
    public static IEnumerable<string> Folders(string root) => Folders(new DirectoryInfo(root), []);

    // Links are followed, but no folder is entered twice: a link to a parent would never end.
    private static IEnumerable<string> Folders(DirectoryInfo folder, HashSet<string> visited)
    {
        var real = folder.ResolveLinkTarget(returnFinalTarget: true)?.FullName ?? folder.FullName;
        if (!visited.Add(real))
        {
            yield break;
        }
        yield return folder.FullName;
        foreach (var child in folder.EnumerateDirectories().OrderBy(child => child.Name, StringComparer.Ordinal))
        {
            foreach (var found in Folders(child, visited))
            {
                yield return found;
            }
        }
    }
}
