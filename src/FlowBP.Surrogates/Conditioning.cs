// What a velocity field (or a reward) is conditioned on, as a bag of named, batch-first tensors: the surrogates must be
// able to select and concatenate samples without knowing any model. The negative branch of guidance travels along.
// Shape legend: B batch, L tokens, D width, P pooled width.

namespace FlowBP.Surrogates;

/// <summary>
/// Named tensors whose first dimension is the batch: <c>encoder_hidden_states</c> [B, L, D],
/// <c>pooled_projections</c> [B, P] and so on, and the conditioning of the negative branch if there is one.
/// Owns its tensors: disposing it disposes them and the negative branch.
/// </summary>
public sealed class Conditioning : IDisposable
{
    private readonly Dictionary<string, Tensor> tensors;
    private Conditioning? joined;

    /// <summary>Takes ownership of <paramref name="tensors"/> and <paramref name="negative"/>.</summary>
    /// <param name="tensors">At least one tensor; all have the same first dimension.</param>
    /// <param name="negative">Conditioning of the negative branch: the same names and the same batch.</param>
    /// <exception cref="ArgumentException">
    /// A tensor has no batch or was disposed, the batches differ, or the negative branch doesn't match.
    /// </exception>
    public Conditioning(IEnumerable<KeyValuePair<string, Tensor>> tensors, Conditioning? negative = null)
    {
        this.tensors = new(tensors, StringComparer.Ordinal);
        if (this.tensors.Count == 0)
        {
            throw new ArgumentException("a conditioning needs at least one tensor", nameof(tensors));
        }
        foreach (var (name, tensor) in this.tensors)
        {
            RequireBatch(name, tensor);
        }
        Batch = this.tensors.First().Value.size(0);
        foreach (var (name, tensor) in this.tensors)
        {
            if (tensor.size(0) != Batch)
            {
                var first = this.tensors.First();
                throw new ArgumentException(
                    $"conditioning '{name}' has batch {tensor.size(0)}, '{first.Key}' has {Batch}",
                    nameof(tensors)
                );
            }
        }
        if (negative is not null)
        {
            RequireSameNames(negative);
            if (negative.Batch != Batch)
            {
                throw new ArgumentException(
                    $"the negative conditioning has batch {negative.Batch}, the positive one {Batch}",
                    nameof(negative)
                );
            }
        }
        Negative = negative;
    }

    /// <summary>A conditioning of one tensor.</summary>
    /// <param name="name">Its name.</param>
    /// <param name="tensor_B">The tensor, batch first; ownership passes over.</param>
    /// <param name="negative">As in the other constructor.</param>
    public Conditioning(string name, Tensor tensor_B, Conditioning? negative = null)
        : this([new(name, tensor_B)], negative) { }

    /// <summary>B.</summary>
    public long Batch { get; }

    /// <summary>Where the tensors live.</summary>
    public Device Device => tensors.First().Value.device;

    /// <summary>The conditioning of the negative branch of guidance; null where there is none.</summary>
    public Conditioning? Negative { get; }

    /// <summary>
    /// The negative branch and this one after it, as one batch of 2B; it is made at the first call and belongs to this object. Not
    /// for several threads at once.
    /// </summary>
    /// <exception cref="InvalidOperationException">There is no negative branch.</exception>
    public Conditioning Joined()
    {
        if (joined is null)
        {
            joined = Concat(Negative ?? throw new InvalidOperationException("there is no negative branch"), this);
            joined.Detach();
        }
        return joined;
    }

    /// <summary>Has the tensors outlive every dispose scope, and returns this.</summary>
    public Conditioning Detach()
    {
        foreach (var tensor in tensors.Values)
        {
            tensor.DetachFromDisposeScope();
        }
        Negative?.Detach();
        return this;
    }

    /// <summary>One sample as a batch, without its negative branch: views of its tensors that must not outlive it.</summary>
    /// <param name="batch">B.</param>
    /// <exception cref="InvalidOperationException">This is not one sample.</exception>
    public Conditioning Repeat(long batch) =>
        Batch == 1
            ? new(tensors.Select(pair => KeyValuePair.Create(pair.Key, Repeated(pair.Value, batch))))
            : throw new InvalidOperationException($"found a batch of {Batch}, expected one sample");

    private static Tensor Repeated(Tensor tensor_1, long batch) => tensor_1.expand([batch, .. tensor_1.shape[1..]]);

    /// <summary>The names of the tensors.</summary>
    public IReadOnlyCollection<string> Names => tensors.Keys;

    /// <summary>A tensor by name; it stays owned by this conditioning.</summary>
    /// <exception cref="KeyNotFoundException">There is no such tensor; the message lists those there are.</exception>
    public Tensor this[string name] =>
        tensors.TryGetValue(name, out var tensor)
            ? tensor
            : throw new KeyNotFoundException($"no conditioning '{name}'; there are: {string.Join(", ", tensors.Keys)}");

    /// <summary>
    /// The samples <paramref name="rows"/>, in that order, as a conditioning of its own, negative branch included.
    /// </summary>
    /// <param name="rows">
    /// Batch indices; repeats are allowed. Consecutive ones are views of this conditioning's tensors and must not outlive
    /// it; others are copied. (Text embeddings can be larger than the latents.)
    /// </param>
    /// <exception cref="ArgumentException">There is no such sample.</exception>
    public Conditioning Select(IReadOnlyList<int> rows)
    {
        foreach (var row in rows.Where(row => row < 0 || row >= Batch))
        {
            throw new ArgumentException($"there is no sample {row} in a conditioning of {Batch}", nameof(rows));
        }
        var areConsecutive = rows.Select((row, i) => row == rows[0] + i).All(follows => follows);
        Dictionary<string, Tensor> selected = [];
        foreach (var (name, tensor) in tensors)
        {
            if (areConsecutive && rows.Count > 0)
            {
                selected[name] = tensor.narrow(0, rows[0], rows.Count);
                continue;
            }
            using var index = torch.tensor(rows.Select(row => (long)row).ToArray(), device: tensor.device);
            selected[name] = tensor.index_select(0, index);
        }
        return new(selected, Negative?.Select(rows));
    }

    /// <summary>The two batches one after the other, without negative branches (tensors are copied).</summary>
    /// <param name="first">The first samples.</param>
    /// <param name="second">The samples after them; the same names.</param>
    /// <exception cref="ArgumentException">The names differ.</exception>
    public static Conditioning Concat(Conditioning first, Conditioning second)
    {
        first.RequireSameNames(second);
        return new(
            first.tensors.Select(pair =>
                KeyValuePair.Create(pair.Key, torch.cat([pair.Value, second.tensors[pair.Key]], 0))
            )
        );
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (var tensor in tensors.Values)
        {
            tensor.Dispose();
        }
        Negative?.Dispose();
        joined?.Dispose();
    }

    private static void RequireBatch(string name, Tensor? tensor)
    {
        if (tensor is null or { IsInvalid: true })
        {
            throw new ArgumentException($"conditioning '{name}' {(tensor is null ? "is missing" : "was disposed")}");
        }
        if (tensor.dim() == 0)
        {
            throw new ArgumentException($"conditioning '{name}' is one number; expected a batch first");
        }
    }

    private void RequireSameNames(Conditioning other)
    {
        if (!tensors.Keys.ToHashSet().SetEquals(other.tensors.Keys))
        {
            throw new ArgumentException(
                $"the two conditionings hold different tensors: {string.Join(", ", tensors.Keys)}"
                    + $" and {string.Join(", ", other.tensors.Keys)}"
            );
        }
    }
}
