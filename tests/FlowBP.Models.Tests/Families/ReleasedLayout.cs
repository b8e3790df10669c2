// Names and shapes of released networks. Building a network of that size takes more memory than a test machine has; a small
// one with the same number of layers, whose extents all differ, has the same names, and its shapes name the extents.

using System.Text.Json;

namespace FlowBP.Models.Tests;

internal static class ReleasedLayout
{
    /// <summary>A number in the configuration of a layout.</summary>
    public static int ConfigNumber(string layout, string key)
    {
        using var json = Open(layout);
        return json.RootElement.GetProperty("config").GetProperty(key).GetInt32();
    }

    /// <summary>Compares a small network with a layout.</summary>
    /// <param name="layout">File name below full_size, without its ending.</param>
    /// <param name="small">The network.</param>
    /// <param name="extents">The layout's extent for each of the network's.</param>
    public static void AssertSame(string layout, nn.Module small, IReadOnlyDictionary<long, long> extents)
    {
        using var scope = torch.NewDisposeScope();
        using var json = Open(layout);
        var expected = json
            .RootElement.GetProperty("tensors")
            .EnumerateObject()
            .ToDictionary(
                tensor => tensor.Name,
                tensor => Text(tensor.Value.EnumerateArray().Select(e => e.GetInt64()))
            );
        var found = small
            .state_dict()
            .ToDictionary(pair => pair.Key, pair => Text(pair.Value.shape.Select(extent => extents[extent])));
        Assert.That(found, Is.EquivalentTo(expected));
        Assert.That(
            small.named_parameters().Sum(p => p.parameter.shape.Aggregate(1L, (n, extent) => n * extents[extent])),
            Is.EqualTo(json.RootElement.GetProperty("parameters").GetInt64())
        );
    }

    private static string Text(IEnumerable<long> shape) => string.Join(", ", shape);

    private static JsonDocument Open(string layout) =>
        JsonDocument.Parse(File.ReadAllText(SharedFolder.Require($"goldens/full_size/{layout}.json")));
}
