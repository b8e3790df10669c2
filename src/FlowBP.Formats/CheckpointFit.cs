// A checkpoint meets a model: the names, shapes and kinds of numbers on both sides are compared, and every disagreement is named in one
// line.

namespace FlowBP.Formats;

/// <summary>Compares a checkpoint with the tensors that are to receive it.</summary>
internal static class CheckpointFit
{
    private const int NamedProblems = 20;

    /// <summary>Refuses a checkpoint that does not fit.</summary>
    /// <param name="checkpoint">The checkpoint.</param>
    /// <param name="wanted">The model's tensors, by name.</param>
    /// <param name="strict">Whether a tensor that only one side has is an error.</param>
    /// <exception cref="CheckpointException">Names each missing and unexpected tensor, each wrong shape or type.</exception>
    public static void Require(ICheckpointSource checkpoint, Dictionary<string, Tensor> wanted, bool strict)
    {
        var problems = new List<string>();
        foreach (var (name, tensor) in wanted.OrderBy(pair => pair.Key, StringComparer.Ordinal))
        {
            if (tensor.IsInvalid)
            {
                problems.Add($"tensor '{name}': the model's was disposed");
            }
            else if (tensor.device_type == DeviceType.META)
            {
                problems.Add($"tensor '{name}': the model's is on meta and has no memory (ToEmpty gives it some)");
            }
            else if (!checkpoint.Tensors.TryGetValue(name, out var entry))
            {
                if (strict)
                {
                    problems.Add($"tensor '{name}': found none, expected {CheckpointException.Shape(tensor.shape)}");
                }
            }
            else if (!entry.Shape.AsSpan().SequenceEqual(tensor.shape))
            {
                problems.Add(
                    $"tensor '{name}': found {CheckpointException.Shape(entry.Shape)}, "
                        + $"expected {CheckpointException.Shape(tensor.shape)}"
                );
            }
            else if (!ElementTypes.Convertible(entry.Type, tensor.dtype))
            {
                problems.Add($"tensor '{name}': found {entry.Type}, expected values of {tensor.dtype}");
            }
        }
        if (wanted.Count == 0 && checkpoint.Tensors.Count > 0)
        {
            problems.Add("the model has no tensors, as one that was disposed has none");
        }
        if (strict)
        {
            foreach (var name in checkpoint.Tensors.Keys.Where(name => !wanted.ContainsKey(name)).Order())
            {
                var shape = CheckpointException.Shape(checkpoint.Tensors[name].Shape);
                problems.Add($"tensor '{name}': found {shape}, expected no such tensor");
            }
        }
        if (problems.Count > 0)
        {
            var more = problems.Count > NamedProblems ? $"; and {problems.Count - NamedProblems} more" : "";
            throw CheckpointException.ForFile(
                checkpoint.Path,
                $"does not fit the model: {string.Join("; ", problems.Take(NamedProblems))}{more}"
            );
        }
    }
}
