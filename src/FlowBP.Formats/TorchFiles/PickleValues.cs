// What a pickle can become here. Numbers, strings, truth values and None are C#'s own (long, BigInteger, double, string,
// bool, null), a tuple is an array, a list a PickleList; the types below are the rest.

using System.Diagnostics.CodeAnalysis;

namespace FlowBP.Formats;

/// <summary>
/// A container, which knows how deep it nests as far as it was filled from the inside out. An empty one takes no memory for
/// what it may hold: a hostile pickle makes millions of them, a byte each.
/// </summary>
internal abstract class PickleContainer
{
    public int Depth { get; set; } = 1;
}

internal sealed class PickleList : PickleContainer
{
    public List<object?> Items => field ??= [];
}

internal sealed class PickleTuple(object?[] items) : PickleContainer
{
    public object?[] Items { get; } = items;
}

/// <summary>A dict or an OrderedDict, in the order in which keys were set. Keys are strings, integers or truth values.</summary>
internal sealed class PickleDict : PickleContainer
{
    public OrderedDictionary<object, object?> Items => field ??= [];

    public bool TryGet(string key, [NotNullWhen(true)] out object? value) =>
        Items.TryGetValue(key, out value) && value is not null;
}

/// <summary>One of the few names that a pickle may import; see <see cref="TorchGlobals"/>.</summary>
internal enum TorchGlobal
{
    OrderedDict,
    RebuildTensor,
    RebuildParameter,
}

/// <summary>A storage's type, as <c>torch.FloatStorage</c> names it.</summary>
internal sealed record TorchStorageType(ScalarType Type);

/// <summary>A flat piece of memory that tensors look into.</summary>
/// <param name="Key">Name among the file's storages.</param>
/// <param name="Type">Element type.</param>
/// <param name="Elements">Number of elements.</param>
/// <param name="FirstElement">Where a view of an older storage begins; 0 otherwise.</param>
internal sealed record TorchStorage(string Key, ScalarType Type, long Elements, long FirstElement);

/// <summary>A tensor that was described and not read.</summary>
/// <param name="Storage">Where the elements lie.</param>
/// <param name="Offset">The first of them.</param>
/// <param name="Shape">Extents.</param>
/// <param name="Strides">Elements from one to the next, per axis.</param>
internal sealed record TorchTensor(TorchStorage Storage, long Offset, long[] Shape, long[] Strides)
{
    /// <summary>Number of elements; checked against the storage's.</summary>
    public long Elements => Shape.Aggregate(1L, (n, extent) => n * extent);
}
