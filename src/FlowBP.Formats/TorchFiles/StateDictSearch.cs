// Training code saves more than weights: epochs, optimizers, a dict around the dict. The rule by which the weights are found:
//
//   1. A dict whose values include tensors is the weights; its other values are left alone.
//   2. Otherwise the first of the keys state_dict, model_state_dict, model, module, weights, params that holds a dict is
//      followed, up to four times.
//   3. A prefix 'module.' (of data parallelism) or '_orig_mod.' (of torch.compile) that every name has is taken off.

namespace FlowBP.Formats;

internal static class StateDictSearch
{
    private const int MostSteps = 4;

    private static readonly string[] Wrappers =
    [
        "state_dict",
        "model_state_dict",
        "model",
        "module",
        "weights",
        "params",
    ];

    private static readonly string[] Prefixes = ["module.", "_orig_mod."];

    /// <summary>The weights in what was saved, in their order.</summary>
    /// <exception cref="CheckpointException">There are none, or a name is no string, or two become the same.</exception>
    public static OrderedDictionary<string, TorchTensor> Find(string file, object? root)
    {
        var found = root;
        for (var step = 0; step <= MostSteps && found is PickleDict dict; step++)
        {
            if (dict.Items.Values.Any(value => value is TorchTensor))
            {
                return Named(file, dict);
            }
            found = Wrappers
                .Select(key => dict.TryGet(key, out var inner) ? inner as PickleDict : null)
                .FirstOrDefault(inner => inner is not null);
        }
        throw CheckpointException.ForFile(
            file,
            $"found no tensors by name, expected a dict of tensors, alone or under {string.Join(", ", Wrappers)}"
        );
    }

    /// <summary>The element type of every storage that something in a pickle refers to.</summary>
    public static Dictionary<string, ScalarType> StorageTypes(object? root)
    {
        var types = new Dictionary<string, ScalarType>(StringComparer.Ordinal);
        var seen = new HashSet<object>(ReferenceEqualityComparer.Instance);
        var open = new Stack<object?>([root]);
        while (open.TryPop(out var value))
        {
            // Each object once: a pickle may hold the same list in itself a thousand times over.
            if (value is null || !seen.Add(value))
            {
                continue;
            }
            var storage = value as TorchStorage ?? (value as TorchTensor)?.Storage;
            if (storage is not null)
            {
                types.TryAdd(storage.Key, storage.Type);
            }
            IEnumerable<object?> inside = value switch
            {
                PickleDict dict => dict.Items.Values,
                PickleList list => list.Items,
                PickleTuple tuple => tuple.Items,
                _ => [],
            };
            foreach (var item in inside)
            {
                open.Push(item);
            }
        }
        return types;
    }

    private static OrderedDictionary<string, TorchTensor> Named(string file, PickleDict dict)
    {
        var tensors = new List<(string Name, TorchTensor Tensor)>();
        foreach (var (key, value) in dict.Items)
        {
            if (value is TorchTensor tensor)
            {
                tensors.Add(
                    key is string name
                        ? (name, tensor)
                        : throw CheckpointException.ForFile(file, $"found a tensor under {key}, expected names")
                );
            }
        }
        foreach (var prefix in Prefixes)
        {
            if (tensors.All(item => item.Name.StartsWith(prefix, StringComparison.Ordinal)))
            {
                tensors = [.. tensors.Select(item => (item.Name[prefix.Length..], item.Tensor))];
            }
        }
        return new OrderedDictionary<string, TorchTensor>(
            tensors.Select(item => KeyValuePair.Create(item.Name, item.Tensor)),
            StringComparer.Ordinal
        );
    }
}
