// Finds fixtures by what a folder holds, never by its name: any folder of the documented layouts is a fixture.

namespace FlowBP.Cli.Verification;

/// <summary>Searches folders for fixtures.</summary>
internal static class FixtureSearch
{
    /// <summary>Everything found at or below a folder, in order of the paths.</summary>
    /// <param name="root">The folder.</param>
    /// <param name="kinds">What to look for.</param>
    public static IEnumerable<FixtureSource> Find(string root, IReadOnlyList<IFixtureKind> kinds) =>
        Folders(new DirectoryInfo(root), []).SelectMany(folder => kinds.SelectMany(kind => kind.In(folder)));

    // Links are followed, but no folder is entered twice: a link to a parent would never end.
    private static IEnumerable<FixtureDirectory> Folders(DirectoryInfo folder, HashSet<string> visited)
    {
        var real = folder.ResolveLinkTarget(returnFinalTarget: true)?.FullName ?? folder.FullName;
        if (!visited.Add(real))
        {
            yield break;
        }
        yield return new FixtureDirectory(folder.FullName);
        foreach (var child in folder.EnumerateDirectories().OrderBy(child => child.Name, StringComparer.Ordinal))
        {
            foreach (var found in Folders(child, visited))
            {
                yield return found;
            }
        }
    }
}
