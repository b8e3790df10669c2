// Which part of the parameters this rank updates, and how its gradients and new values travel. Weights stay whole on every rank, since the
// rollout reads them at every step; what an optimizer keeps beside them can be divided. Every parameter is divided by itself, so that the
// ranks' parts are equal whatever the network.
//
// Undivided, all ranks add their gradients and make the same update. Divided, each gets the sums of its slices alone, updates these, and
// the new values are joined: as many bytes travel, and each rank keeps 1/R of moments and average.

using FlowBP.Settings;
using FlowBP.Training.Ranks;

namespace FlowBP.Training.Optimization;

/// <summary>The parameters of a training, and what of them a rank updates.</summary>
public sealed class TrainedShards
{
    // Tensors that are exchanged together take no more than this beside the weights.
    private const long BucketBytes = 64L << 20;

    private readonly RankGroup ranks;
    private readonly List<Entry> entries = [];

    /// <summary>Divides.</summary>
    /// <param name="parameters">Names and parameters; on every rank the same, with the same values.</param>
    /// <param name="copies">BFloat16 copies by name (<see cref="ComputeCopy.Narrow"/>); null: none.</param>
    /// <param name="sharding">What is divided.</param>
    /// <param name="ranks">Among whom.</param>
    /// <exception cref="InvalidSettingException">Masters of a narrower network are to be divided.</exception>
    public TrainedShards(
        IEnumerable<(string Name, Parameter Parameter)> parameters,
        IReadOnlyDictionary<string, Tensor>? copies,
        Sharding sharding,
        RankGroup ranks
    )
    {
        this.ranks = ranks;
        Copies = copies;
        AreWhole = sharding == Sharding.None || ranks.IsAlone;
        if (!AreWhole && copies is not null)
        {
            throw new InvalidSettingException(
                "sharding optimizer divides the state of a network that computes in float32; with compute_dtype bfloat16 set sharding none,"
                    + " or train an adapter (lora_rank)"
            );
        }
        using var noGrad = torch.no_grad();
        foreach (var (name, parameter) in parameters)
        {
            var slice = AreWhole
                ? new(0, parameter.numel())
                : ParameterSlice.Of(ranks.Rank, ranks.Size, parameter.numel());
            // The same memory: what the optimizer writes is the weight.
            var owned = AreWhole ? parameter : OwnHandle(slice.Of(parameter));
            entries.Add(new(name, parameter, owned, slice));
        }
        Slices = entries.ToDictionary(entry => entry.Name, entry => (entry.Whole.shape, entry.Slice));
    }

    /// <summary>Whether this rank updates all parameters whole.</summary>
    public bool AreWhole { get; }

    /// <summary>What this rank's optimizer gets: parameters, or flat slices of them.</summary>
    public IEnumerable<(string Name, Parameter Parameter)> Owned =>
        entries.Where(entry => entry.Slice.Length > 0).Select(entry => (entry.Name, entry.Owned));

    /// <summary>The copies that the optimizer writes; null: none.</summary>
    public IReadOnlyDictionary<string, Tensor>? Copies { get; }

    /// <summary>Size and slice of each parameter, by name.</summary>
    public IReadOnlyDictionary<string, (long[] Shape, ParameterSlice Slice)> Slices { get; }

    /// <summary>Multiplies all gradients of this rank.</summary>
    /// <param name="factor">By what.</param>
    public void Multiply(double factor)
    {
        if (factor == 1)
        {
            return;
        }
        using var noGrad = torch.no_grad();
        foreach (var entry in entries)
        {
            entry.Whole.grad?.mul_(factor);
        }
    }

    /// <summary>Adds the ranks' gradients. A parameter that has one on any rank has one on all afterwards.</summary>
    /// <exception cref="Distributed.RankLostException">A rank did not come in time.</exception>
    public void SumGradients()
    {
        if (ranks.IsAlone)
        {
            return;
        }
        using var noGrad = torch.no_grad();
        foreach (var bucket in Buckets(HavingGradients()))
        {
            using var scope = torch.NewDisposeScope();
            if (AreWhole)
            {
                ranks.Sum([.. bucket.Select(entry => entry.WholeGradient())]);
            }
            else
            {
                SumSlices(bucket);
            }
        }
    }

    /// <summary>Gives all ranks the values that each has updated.</summary>
    /// <exception cref="Distributed.RankLostException">A rank did not come in time.</exception>
    public void Spread()
    {
        if (AreWhole)
        {
            return;
        }
        using var noGrad = torch.no_grad();
        foreach (var bucket in Buckets(entries))
        {
            using var scope = torch.NewDisposeScope();
            var wholes = Joined([.. bucket.Select(entry => (entry.Slice.Of(entry.Whole), entry.Whole.numel()))]);
            for (var i = 0; i < bucket.Count; i++)
            {
                bucket[i].Whole.detach().view(-1).copy_(wholes[i]);
            }
        }
    }

    /// <summary>Tensors of which every rank has its slice, whole.</summary>
    /// <param name="slices">This rank's slices, each with the number of elements of the whole; in the same order on every rank.</param>
    /// <returns>Flat tensors, in the surrounding dispose scope.</returns>
    /// <exception cref="Distributed.RankLostException">A rank did not come in time.</exception>
    public IReadOnlyList<Tensor> Joined(IReadOnlyList<(Tensor Slice, long Elements)> slices)
    {
        if (AreWhole)
        {
            return [.. slices.Select(each => each.Slice.detach().view(-1))];
        }
        Tensor[] parts = [.. slices.Select(each => Padded(each.Slice.detach().view(-1), PartOf(each.Elements)))];
        Tensor[] wholes = [.. parts.Select(part => torch.empty([part.numel() * ranks.Size], part.dtype, part.device))];
        ranks.JoinParts(parts, wholes);
        return [.. wholes.Select((whole, i) => whole.narrow(0, 0, slices[i].Elements))];
    }

    /// <summary>The state of all parameters, whole, of what each rank has of it.</summary>
    /// <param name="own">This rank's (<see cref="FusedAdamW.State"/>).</param>
    /// <returns>New tensors, in the surrounding dispose scope.</returns>
    /// <exception cref="Distributed.RankLostException">A rank did not come in time.</exception>
    public IReadOnlyList<ParameterState> Joined(IReadOnlyList<ParameterState> own)
    {
        using var noGrad = torch.no_grad();
        var ownByName = own.ToDictionary(state => state.Name);
        var averages = own.Count > 0 && own[0].Average is not null;
        List<ParameterState> whole = [];
        foreach (var entry in entries)
        {
            // A parameter with fewer elements than there are ranks has none here.
            var state = ownByName.GetValueOrDefault(entry.Name);
            Tensor Whole(Tensor? slice)
            {
                var flat = slice ?? torch.empty([0], entry.Whole.dtype, entry.Whole.device);
                return Joined([(flat, entry.Whole.numel())])[0].view(entry.Whole.shape);
            }
            whole.Add(
                new(
                    entry.Name,
                    Whole(state?.Value),
                    averages ? Whole(state?.Average) : null,
                    Whole(state?.ExpAvg),
                    Whole(state?.ExpAvgSq),
                    // The first rank has a slice of every parameter.
                    state?.Steps
                        ?? 0
                )
            );
        }
        return whole;
    }

    /// <summary>Drops the gradients of whole parameters; those of slices are the optimizer's.</summary>
    public void DropGradients()
    {
        foreach (var entry in entries)
        {
            entry.Whole.grad = null;
        }
    }

    // A parameter of its own over the memory of a view.
    private static Parameter OwnHandle(Tensor view)
    {
        var parameter = nn.Parameter(view);
        parameter.DetachFromDisposeScope();
        return parameter;
    }

    private void SumSlices(IReadOnlyList<Entry> bucket)
    {
        Tensor[] sums =
        [
            .. bucket.Select(entry =>
            {
                var gradient = entry.WholeGradient().view(-1);
                return Padded(gradient, PartOf(gradient.numel()) * ranks.Size);
            }),
        ];
        Tensor[] parts = [.. sums.Select(sum => torch.empty([sum.numel() / ranks.Size], sum.dtype, sum.device))];
        ranks.SumParts(sums, parts);
        for (var i = 0; i < bucket.Count; i++)
        {
            var entry = bucket[i];
            entry.Whole.grad = null;
            if (entry.Slice.Length > 0)
            {
                entry.Owned.grad = parts[i].narrow(0, 0, entry.Slice.Length).clone().DetachFromDisposeScope();
            }
        }
    }

    // The parameters that have a gradient on any rank.
    private List<Entry> HavingGradients()
    {
        var own = entries.Select(entry => (byte)(entry.Whole.grad is null ? 0 : 1)).ToArray();
        var all = ranks.Exchange(own);
        foreach (var (rank, flags) in all.Index())
        {
            if (flags.Length != own.Length)
            {
                throw new InvalidOperationException(
                    $"rank {rank} trains {flags.Length} tensors, and rank {ranks.Rank} {own.Length}: ranks train the same model"
                );
            }
        }
        return [.. entries.Where((_, i) => all.Any(flags => flags[i] == 1))];
    }

    private static IEnumerable<List<Entry>> Buckets(IEnumerable<Entry> entries)
    {
        List<Entry> bucket = [];
        var bytes = 0L;
        foreach (var entry in entries)
        {
            var size = entry.Whole.numel() * entry.Whole.element_size();
            if (bucket.Count > 0 && bytes + size > BucketBytes)
            {
                yield return bucket;
                (bucket, bytes) = ([], 0);
            }
            bucket.Add(entry);
            bytes += size;
        }
        if (bucket.Count > 0)
        {
            yield return bucket;
        }
    }

    // Elements that each rank has of a parameter in an exchange.
    private long PartOf(long elements) => ParameterSlice.Padded(ranks.Size, elements);

    // Filled up with zeros.
    private static Tensor Padded(Tensor flat, long length)
    {
        if (flat.numel() == length)
        {
            return flat;
        }
        var padded = torch.zeros([length], flat.dtype, flat.device);
        padded.narrow(0, 0, flat.numel()).copy_(flat);
        return padded;
    }

    private sealed record Entry(string Name, Parameter Whole, Parameter Owned, ParameterSlice Slice)
    {
        // A rank whose samples are all past the hinge has none where others have one.
        public Tensor WholeGradient()
        {
            if (Whole.grad is not { } gradient)
            {
                Whole.grad = torch.zeros_like(Whole);
                return Whole.grad!;
            }
            if (!gradient.is_contiguous())
            {
                Whole.grad = gradient.contiguous();
            }
            return Whole.grad!;
        }
    }
}
