// The names that a pickle may import, all of them, and what calling them means here: describing a tensor, making an empty
// dictionary. Nothing is looked up anywhere else, so there is nothing that a hostile file could reach.

using System.Numerics;

namespace FlowBP.Formats;

internal static class TorchGlobals
{
    private static readonly Dictionary<string, object> Known = new(StringComparer.Ordinal)
    {
        ["collections.OrderedDict"] = TorchGlobal.OrderedDict,
        ["torch._utils._rebuild_tensor_v2"] = TorchGlobal.RebuildTensor,
        ["torch._utils._rebuild_parameter"] = TorchGlobal.RebuildParameter,
        ["torch.DoubleStorage"] = new TorchStorageType(ScalarType.Float64),
        ["torch.FloatStorage"] = new TorchStorageType(ScalarType.Float32),
        ["torch.HalfStorage"] = new TorchStorageType(ScalarType.Float16),
        ["torch.BFloat16Storage"] = new TorchStorageType(ScalarType.BFloat16),
        ["torch.LongStorage"] = new TorchStorageType(ScalarType.Int64),
        ["torch.IntStorage"] = new TorchStorageType(ScalarType.Int32),
        ["torch.ShortStorage"] = new TorchStorageType(ScalarType.Int16),
        ["torch.CharStorage"] = new TorchStorageType(ScalarType.Int8),
        ["torch.ByteStorage"] = new TorchStorageType(ScalarType.Byte),
        ["torch.BoolStorage"] = new TorchStorageType(ScalarType.Bool),
    };

    /// <summary>What a name stands for, or null if it stands for nothing here.</summary>
    public static object? Find(string name) => Known.GetValueOrDefault(name);

    /// <summary>What a call gives, or null if the arguments are not those that torch writes.</summary>
    public static object? Call(object? function, PickleTuple arguments) =>
        (function, arguments.Items) switch
        {
            (TorchGlobal.OrderedDict, []) => new PickleDict(),
            // storage, offset, size, stride, requires_grad, backward_hooks (, metadata)
            (
                TorchGlobal.RebuildTensor,
                [TorchStorage storage, long offset, PickleTuple size, PickleTuple stride, bool, PickleDict, ..]
            ) when arguments.Items.Length <= 7 => Tensor(storage, offset, size, stride),
            // data, requires_grad, backward_hooks
            (TorchGlobal.RebuildParameter, [TorchTensor tensor, bool, PickleDict]) => tensor,
            _ => null,
        };

    /// <summary>
    /// The storage that a persistent id stands for, or null:
    /// ('storage', type, key, location, elements) and, in the layout before 1.6, (view key, offset, elements) or None.
    /// </summary>
    public static TorchStorage? Storage(object? persistentId) =>
        (persistentId as PickleTuple)?.Items switch
        {
            ["storage", TorchStorageType type, string key, string, long elements] when elements >= 0 =>
                new TorchStorage(key, type.Type, elements, 0),
            ["storage", TorchStorageType type, string key, string, long elements, null] when elements >= 0 =>
                new TorchStorage(key, type.Type, elements, 0),
            [
                "storage",
                TorchStorageType type,
                string key,
                string,
                long elements,
                PickleTuple { Items: [string, long first, long viewed] },
            ] when first >= 0 && viewed >= 0 && first <= elements && viewed <= elements - first => new TorchStorage(
                key,
                type.Type,
                viewed,
                first
            ),
            _ => null,
        };

    // Null if a size or stride is no number, no tensor can have the shape, or an element would lie outside the storage.
    private static TorchTensor? Tensor(TorchStorage storage, long offset, PickleTuple size, PickleTuple stride)
    {
        if (
            size.Items.Length > TensorShape.MostExtents
            || size.Items.Length != stride.Items.Length
            || !size.Items.All(item => item is long and >= 0)
            || !stride.Items.All(item => item is long and >= 0)
        )
        {
            return null;
        }
        long[] shape = [.. size.Items.Cast<long>()];
        long[] strides = [.. stride.Items.Cast<long>()];
        if (TensorShape.Problem(shape, ElementTypes.Size(storage.Type)) is not null)
        {
            return null;
        }
        // In numbers without bounds: strides and offsets of a hostile file overflow any other.
        var elements = shape.Aggregate(BigInteger.One, (n, extent) => n * extent);
        var last = shape.Zip(strides).Aggregate((BigInteger)offset, (n, d) => n + (d.First - 1) * (BigInteger)d.Second);
        var inside = offset >= 0 && (elements.IsZero ? offset <= storage.Elements : last < storage.Elements);
        // More elements than the storage has would be an expanded view, which no training code saves and which can claim
        // any size for a few bytes.
        return inside && elements <= storage.Elements ? new TorchTensor(storage, offset, shape, strides) : null;
    }
}
