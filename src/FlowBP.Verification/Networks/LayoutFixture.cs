// A layout file lists every tensor of a released network with its shape, and enough of the configuration to build it. Built
// without memory, a network of any size can be held against it.

using System.Globalization;
using FlowBP.Families.Inspection;
using FlowBP.Formats;

namespace FlowBP.Verification.Networks;

/// <summary>Checks networks against lists of names and shapes.</summary>
public static class LayoutFixture
{
    private const int NamedDifferences = 5;

    /// <summary>Whether a file is a layout: an object with config, parameters and tensors.</summary>
    /// <param name="file">A JSON file.</param>
    public static bool Matches(string file)
    {
        try
        {
            return NetworkConfig.IsLayout(JsonFile.Read(file));
        }
        catch (CheckpointException)
        {
            // Other kinds report a file of theirs that is damaged; this one only takes what it recognises.
            return false;
        }
    }

    /// <summary>Builds the network without memory and compares. Whatever is wrong with the file is in the result.</summary>
    /// <param name="file">A file that <see cref="Matches"/>.</param>
    public static FixtureResult Run(string file)
    {
        var name = Path.GetFileNameWithoutExtension(file);
        return FixtureResult.Guard(name, () => Compare(name, file));
    }

    private static FixtureResult Compare(string name, string file)
    {
        if (NetworkConfig.TryReadLayout(file) is not { } config)
        {
            return FixtureResult.Skipped(name, $"no implementation of {name}");
        }
        using var network = config.Build();
        var layout = NetworkLayout.Of(network);
        var differences = LayoutComparison.Differences(layout, NetworkLayout.Read(file), config.Architecture);
        if (differences.Count == 0)
        {
            var size = string.Create(
                CultureInfo.InvariantCulture,
                $"{layout.Tensors.Count} tensors, {layout.Parameters:N0} parameters"
            );
            return new FixtureResult(name, FixtureOutcome.Passed, double.NaN, double.NaN, size);
        }
        var more = differences.Count - NamedDifferences;
        var rest = more > 0 ? $"; and {more} more" : "";
        return FixtureResult.Broken(name, string.Join("; ", differences.Take(NamedDifferences)) + rest);
    }
}
