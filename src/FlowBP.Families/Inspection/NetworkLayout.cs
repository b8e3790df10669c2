// What a network is made of: the names, shapes and types of its tensors. A layout is the same thing whether it comes from a
// network that was built or from a file that lists one, and the two can be compared.

using System.Text.Json.Nodes;
using FlowBP.Formats;

namespace FlowBP.Families.Inspection;

/// <summary>A tensor of a layout.</summary>
/// <param name="Shape">Extents; empty for a scalar.</param>
/// <param name="Type">Element type; null where the file doesn't say.</param>
public sealed record LayoutTensor(IReadOnlyList<long> Shape, ScalarType? Type)
{
    /// <summary>Number of elements.</summary>
    public long Elements => Shape.Aggregate(1L, (product, extent) => checked(product * extent));
}

/// <summary>Names, shapes and types of a network's tensors.</summary>
public sealed class NetworkLayout
{
    private NetworkLayout(IReadOnlyDictionary<string, LayoutTensor> tensors, long? parameters)
    {
        Tensors = tensors;
        Parameters = parameters;
    }

    /// <summary>Parameters and persistent buffers by name, in the network's order.</summary>
    public IReadOnlyDictionary<string, LayoutTensor> Tensors { get; }

    /// <summary>Number of trainable elements, tied ones once; null where the file doesn't say.</summary>
    public long? Parameters { get; }

    /// <summary>Parameters of each module directly below the network, in its order; tied ones with their first module.</summary>
    public IReadOnlyList<(string Module, long Parameters)> ByModule { get; private init; } = [];

    /// <summary>Elements that are saved with the network and not trained.</summary>
    public long Buffers { get; private init; }

    /// <summary>Size of all tensors, tied ones once, by element type; in bytes.</summary>
    public IReadOnlyList<(ScalarType Type, long Bytes)> BytesByType { get; private init; } = [];

    /// <summary>The layout of a network.</summary>
    /// <param name="network">The network, with memory or without.</param>
    public static NetworkLayout Of(nn.Module network)
    {
        using var scope = torch.NewDisposeScope();
        var parameters = network.named_parameters().ToArray();
        Tensor[] buffers = [.. network.named_buffers(include_nonpersistent: false).Select(buffer => buffer.buffer)];
        return new NetworkLayout(
            network
                .state_dict()
                .ToDictionary(pair => pair.Key, pair => new LayoutTensor(pair.Value.shape, pair.Value.dtype)),
            parameters.Sum(entry => entry.parameter.numel())
        )
        {
            Buffers = buffers.Sum(buffer => buffer.numel()),
            ByModule =
            [
                .. parameters
                    .GroupBy(entry => entry.name.Split('.')[0])
                    .Select(group => (group.Key, group.Sum(entry => entry.parameter.numel()))),
            ],
            BytesByType =
            [
                .. parameters
                    .Select(entry => (Tensor)entry.parameter)
                    .Concat(buffers)
                    .GroupBy(tensor => tensor.dtype)
                    .Select(group => (group.Key, group.Sum(tensor => tensor.numel() * tensor.element_size()))),
            ],
        };
    }

    /// <summary>The layout that a file lists: a layout file, or weights in any layout that can be read.</summary>
    /// <param name="path">
    /// The file, or a folder with weights; of weights, names and shapes alone are read (<see cref="Checkpoint.Open"/>).
    /// </param>
    /// <exception cref="CheckpointException">It is missing, damaged, or of none of these kinds.</exception>
    public static NetworkLayout Read(string path)
    {
        if (path.EndsWith(".json", StringComparison.OrdinalIgnoreCase) && !Directory.Exists(path))
        {
            var json = JsonFile.Read(path);
            if (!json.ContainsKey("weight_map"))
            {
                return Listed(path, json);
            }
        }
        using var checkpoint = Checkpoint.Open(path);
        return new NetworkLayout(
            checkpoint.Tensors.ToDictionary(
                pair => pair.Key,
                pair => new LayoutTensor(pair.Value.Shape, pair.Value.Type),
                StringComparer.Ordinal
            ),
            null
        );
    }

    private static NetworkLayout Listed(string file, JsonObject json)
    {
        if (json["tensors"] is not JsonObject list)
        {
            throw CheckpointException.ForFile(
                file,
                "found no tensors, expected a layout file or the index of a checkpoint"
            );
        }
        var tensors = new Dictionary<string, LayoutTensor>(StringComparer.Ordinal);
        foreach (var (name, entry) in list)
        {
            // A shape, or an object with one.
            var shape = entry as JsonArray ?? (entry as JsonObject)?["shape"] as JsonArray;
            tensors[name] = new LayoutTensor(
                shape is null
                    ? throw NotShape(name)
                    : [.. shape.Select(extent => Extent(extent) ?? throw NotShape(name))],
                null
            );
        }
        return new NetworkLayout(
            tensors,
            json["parameters"] is null ? null : Extent(json["parameters"]) ?? throw NotCount()
        );

        CheckpointException NotShape(string name) =>
            CheckpointException.ForFile(file, $"tensors of '{name}': expected a shape, a list of integers from 0");

        CheckpointException NotCount() =>
            CheckpointException.ForFile(file, "key 'parameters': expected the number of parameters");
    }

    private static long? Extent(JsonNode? node) =>
        node is JsonValue value && value.TryGetValue(out long number) && number >= 0 ? number : null;
}
