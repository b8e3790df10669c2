// Two layouts side by side: what a file lacks, what it has besides, what has another shape. Each difference is one line.

using System.Globalization;
using FlowBP.Formats;

namespace FlowBP.Families.Inspection;

/// <summary>The differences between a network and a file.</summary>
public static class LayoutComparison
{
    /// <summary>Compares a network with a file that should hold it.</summary>
    /// <param name="network">The network's layout.</param>
    /// <param name="file">The file's layout.</param>
    /// <param name="architecture">What the network is: its tied names, and what a file may have besides; null: neither.</param>
    /// <returns>One line per difference, in the order of the names; none where the two agree.</returns>
    public static IReadOnlyList<string> Differences(
        NetworkLayout network,
        NetworkLayout file,
        NetworkArchitecture? architecture = null
    )
    {
        var wanted = new Dictionary<string, LayoutTensor>(network.Tensors, StringComparer.Ordinal);
        var optional = new HashSet<string>(StringComparer.Ordinal);
        foreach (var (second, first) in architecture?.Tied ?? new Dictionary<string, string>())
        {
            // Whichever of the two names the network has, the file may use either.
            if ((wanted.GetValueOrDefault(first) ?? wanted.GetValueOrDefault(second)) is { } tensor)
            {
                wanted[first] = wanted[second] = tensor;
                optional.UnionWith(file.Tensors.ContainsKey(first) ? [second] : [first]);
            }
        }
        List<string> differences = [];
        foreach (var name in wanted.Keys.Union(file.Tensors.Keys).Order(StringComparer.Ordinal))
        {
            var found = file.Tensors.GetValueOrDefault(name);
            var isFine = found is null
                ? optional.Contains(name)
                : !wanted.ContainsKey(name)
                    && architecture?.Besides.Any(start => name.StartsWith(start, StringComparison.Ordinal)) == true;
            if (!isFine && Difference(name, wanted.GetValueOrDefault(name), found) is { } difference)
            {
                differences.Add(difference);
            }
        }
        if (file.Parameters is { } count && count != network.Parameters)
        {
            differences.Add(
                string.Create(
                    CultureInfo.InvariantCulture,
                    $"parameters: the file says {count:N0}, the network has {network.Parameters:N0}"
                )
            );
        }
        return differences;
    }

    private static string? Difference(string name, LayoutTensor? network, LayoutTensor? file) =>
        (network, file) switch
        {
            (not null, null) => $"missing: '{name}' {Shape(network)} is not in the file",
            (null, not null) => $"extra: '{name}' {Shape(file)} is not in the network",
            ({ } wanted, { } found) when !wanted.Shape.SequenceEqual(found.Shape) =>
                $"shape: '{name}' is {Shape(found)} in the file, {Shape(wanted)} in the network",
            _ => null,
        };

    private static string Shape(LayoutTensor tensor) => CheckpointException.Shape([.. tensor.Shape]);
}
