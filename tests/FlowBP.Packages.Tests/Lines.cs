using System.Globalization;

namespace FlowBP.Packages.Tests;

/// <summary>What a consumer printed: lines of a name and values.</summary>
internal sealed class Lines(string output)
{
    private readonly string[] lines = output.Split('\n', StringSplitOptions.RemoveEmptyEntries);

    /// <summary>The rest of each line that begins with a word.</summary>
    public string[] All(string name) =>
        [.. lines.Where(line => line.StartsWith(name + " ")).Select(line => line[(name.Length + 1)..])];

    /// <summary>The rest of the only such line.</summary>
    public string One(string name)
    {
        var found = All(name);
        Assert.That(found, Has.Length.EqualTo(1), $"lines that begin with '{name}' in:\n{output}");
        return found[0];
    }

    /// <summary>The same, as numbers.</summary>
    public double[] Numbers(string name) => Parsed(One(name));

    /// <summary>What stands between a line and the next one of its kind.</summary>
    public string[] After(string name, string value) =>
        [.. lines.SkipWhile(line => line != $"{name} {value}").Skip(1).TakeWhile(line => !line.StartsWith(name + " "))];

    public static double[] Parsed(string values) =>
        [.. values.Split(' ').Select(value => double.Parse(value, CultureInfo.InvariantCulture))];
}
