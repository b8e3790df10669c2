// Just enough of the format to read fixtures of float tensors; the product's own reader lives with the models, which
// the surrogates don't know.

using System.Buffers.Binary;
using System.Runtime.InteropServices;
using System.Text.Json;

namespace FlowBP.Surrogates.Tests;

internal static class RecordedTensors
{
    public static IReadOnlyDictionary<string, Tensor> Load(string path)
    {
        var bytes = File.ReadAllBytes(path);
        var header = (int)BinaryPrimitives.ReadInt64LittleEndian(bytes);
        using var json = JsonDocument.Parse(bytes.AsMemory(8, header));
        Dictionary<string, Tensor> tensors = [];
        foreach (var entry in json.RootElement.EnumerateObject().Where(entry => entry.Name != "__metadata__"))
        {
            long[] shape = [.. entry.Value.GetProperty("shape").EnumerateArray().Select(size => size.GetInt64())];
            var offsets = entry.Value.GetProperty("data_offsets");
            var data = bytes.AsSpan(8 + header)[offsets[0].GetInt32()..offsets[1].GetInt32()];
            tensors[entry.Name] = entry.Value.GetProperty("dtype").GetString() switch
            {
                "F64" => torch.tensor(MemoryMarshal.Cast<byte, double>(data).ToArray(), shape),
                "F32" => torch.tensor(MemoryMarshal.Cast<byte, float>(data).ToArray(), shape),
                var type => throw new NotSupportedException($"fixture tensor {entry.Name} has type {type}"),
            };
        }
        return tensors;
    }
}
