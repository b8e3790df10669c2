using System.Text.Json;

namespace FlowBP.Verification;

/// <summary>Walks folders in a fixed order.</summary>
internal static class FixtureSearch
{
    /// <summary>A folder and all below it: each before what it holds, siblings in ordinal order of their names.</summary>
    /// <param name="root">The folder.</param>
    /// <exception cref="DirectoryNotFoundException">There is no such folder.</exception>
    public static IEnumerable<string> Folders(string root) => Folders(new DirectoryInfo(root), []);

    /// <summary>Whether a folder's manifest.json says that it has a format, of whatever version.</summary>
    /// <param name="folder">The folder itself, not what is below it.</param>
    /// <param name="family">What the format's name begins with.</param>
    /// <param name="ifDamaged">What is said of a file that is no JSON.</param>
    public static bool HasFormat(string folder, string family, bool ifDamaged) =>
        HasManifest(
            folder,
            manifest =>
                manifest.TryGetProperty("format", out var format)
                && format.ValueKind == JsonValueKind.String
                && format.GetString()!.StartsWith(family, StringComparison.Ordinal),
            ifDamaged
        );

    /// <summary>Whether a folder's manifest.json is one of a kind.</summary>
    /// <param name="folder">The folder itself, not what is below it.</param>
    /// <param name="isOfKind">Whether an object of JSON is.</param>
    /// <param name="ifDamaged">What is said of a file that is no JSON.</param>
    public static bool HasManifest(string folder, Func<JsonElement, bool> isOfKind, bool ifDamaged)
    {
        var manifest = Path.Combine(folder, "manifest.json");
        if (!File.Exists(manifest))
        {
            return false;
        }
        try
        {
            using var document = JsonDocument.Parse(File.ReadAllBytes(manifest));
            return document.RootElement.ValueKind == JsonValueKind.Object && isOfKind(document.RootElement);
        }
        catch (JsonException)
        {
            return ifDamaged;
        }
    }

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
