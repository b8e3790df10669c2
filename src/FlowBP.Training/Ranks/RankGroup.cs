// What training asks of a group of processes, in tensors. The collectives themselves know pointers only.

using FlowBP.Distributed;

namespace FlowBP.Training.Ranks;

/// <summary>The ranks that train one model together; a run of one process is a group of one.</summary>
/// <param name="communicator">The processes, in main memory; stays the caller's.</param>
/// <param name="orders">Sends orders to the other ranks; null: they do by themselves what this one does.</param>
/// <param name="lost">Who is known to be lost; null: nobody knows.</param>
public sealed class RankGroup(
    ICommunicator communicator,
    Action<RankOrder>? orders = null,
    Func<RankLostException?>? lost = null
)
{
    private ICommunicator? onGpu;

    /// <summary>A run of one process.</summary>
    public static RankGroup Alone { get; } = new(new SoloCommunicator());

    /// <summary>Number of this process, from 0.</summary>
    public int Rank => communicator.Rank;

    /// <summary>Number of processes.</summary>
    public int Size => communicator.Size;

    /// <summary>Whether there is no other process.</summary>
    public bool IsAlone => Size == 1;

    /// <summary>How long the ranks wait for each other.</summary>
    public TimeSpan Timeout => communicator.Timeout;

    /// <summary>Who is known to be lost; null: nobody is.</summary>
    public RankLostException? Lost => lost?.Invoke();

    /// <summary>Has tensors on this rank's GPU exchanged there; without it they go through copies in main memory.</summary>
    /// <param name="gpus">The same ranks; stays the caller's.</param>
    /// <exception cref="ArgumentException">It is not the same group, or works in main memory.</exception>
    public void Attach(ICommunicator gpus)
    {
        if (gpus.Memory != CollectiveMemory.Device || gpus.Rank != Rank || gpus.Size != Size)
        {
            throw new ArgumentException(
                $"{gpus.Engine} is rank {gpus.Rank} of {gpus.Size} in {gpus.Memory} memory, expected rank {Rank} of {Size} on a GPU",
                nameof(gpus)
            );
        }
        onGpu = gpus;
    }

    /// <summary>Tells the other ranks what this one is about to do, where it leads.</summary>
    /// <param name="order">What.</param>
    /// <exception cref="RankLostException">A rank is lost.</exception>
    public void Order(RankOrder order) => orders?.Invoke(order);

    /// <summary>Replaces tensors by their sums over all ranks, the same bits on every rank.</summary>
    /// <param name="tensors">Contiguous tensors, the same shapes in the same order on every rank.</param>
    /// <exception cref="RankLostException">A rank did not come in time.</exception>
    public void Sum(IReadOnlyList<Tensor> tensors)
    {
        if (IsAlone)
        {
            return;
        }
        if (IsElsewhere(tensors))
        {
            Tensor[] copies = [.. tensors.Select(tensor => tensor.cpu())];
            Sum(copies);
            Return(copies, tensors);
            return;
        }
        var engine = EngineOf(tensors);
        List<ICollectiveWork> works = [];
        using (engine.BeginGroup())
        {
            foreach (var tensor in tensors)
            {
                var address = TensorPointer.Of(tensor);
                works.Add(
                    engine.BeginAllReduce(
                        address,
                        address,
                        tensor.numel(),
                        TypeOf(tensor),
                        Reduction.Sum,
                        Stream(tensor)
                    )
                );
            }
        }
        works.ForEach(work => work.Wait());
        GC.KeepAlive(tensors);
    }

    /// <summary>Adds the ranks' tensors, of which each rank gets a part of equal size.</summary>
    /// <param name="sums">Contiguous, <see cref="Size"/> · n elements each.</param>
    /// <param name="parts">Contiguous, n elements each: those of this rank.</param>
    /// <exception cref="RankLostException">A rank did not come in time.</exception>
    public void SumParts(IReadOnlyList<Tensor> sums, IReadOnlyList<Tensor> parts)
    {
        if (IsElsewhere(sums))
        {
            Tensor[] copies = [.. parts.Select(part => part.cpu())];
            SumParts([.. sums.Select(sum => sum.cpu())], copies);
            Return(copies, parts);
            return;
        }
        var engine = EngineOf(sums);
        List<ICollectiveWork> works = [];
        using (engine.BeginGroup())
        {
            for (var i = 0; i < sums.Count; i++)
            {
                works.Add(
                    engine.BeginReduceScatter(
                        TensorPointer.Of(sums[i]),
                        TensorPointer.Of(parts[i]),
                        parts[i].numel(),
                        TypeOf(sums[i]),
                        Reduction.Sum,
                        Stream(sums[i])
                    )
                );
            }
        }
        works.ForEach(work => work.Wait());
        GC.KeepAlive(sums);
        GC.KeepAlive(parts);
    }

    /// <summary>Joins the ranks' parts of tensors, in the order of ranks.</summary>
    /// <param name="parts">Contiguous, n elements each: those of this rank.</param>
    /// <param name="wholes">Contiguous, <see cref="Size"/> · n elements each.</param>
    /// <exception cref="RankLostException">A rank did not come in time.</exception>
    public void JoinParts(IReadOnlyList<Tensor> parts, IReadOnlyList<Tensor> wholes)
    {
        if (IsElsewhere(parts))
        {
            Tensor[] copies = [.. wholes.Select(whole => whole.cpu())];
            JoinParts([.. parts.Select(part => part.cpu())], copies);
            Return(copies, wholes);
            return;
        }
        var engine = EngineOf(parts);
        List<ICollectiveWork> works = [];
        using (engine.BeginGroup())
        {
            for (var i = 0; i < parts.Count; i++)
            {
                works.Add(
                    engine.BeginAllGather(
                        TensorPointer.Of(parts[i]),
                        TensorPointer.Of(wholes[i]),
                        parts[i].numel(),
                        TypeOf(parts[i]),
                        Stream(parts[i])
                    )
                );
            }
        }
        works.ForEach(work => work.Wait());
        GC.KeepAlive(parts);
        GC.KeepAlive(wholes);
    }

    /// <summary>Gives every rank what each has to say.</summary>
    /// <param name="own">This rank's message, of any length.</param>
    /// <returns>The messages by rank.</returns>
    /// <exception cref="RankLostException">A rank did not come in time.</exception>
    public IReadOnlyList<byte[]> Exchange(byte[] own)
    {
        if (IsAlone)
        {
            return [own];
        }
        using var scope = torch.NewDisposeScope();
        var length = torch.tensor([(long)own.Length], [1]);
        var lengths = Gathered(length, 1).data<long>().ToArray();
        var longest = Math.Max(1, lengths.Max());
        var message = torch.zeros([longest], ScalarType.Byte);
        own.CopyTo(message.bytes);
        var all = Gathered(message, longest).data<byte>().ToArray();
        return [.. lengths.Select((length, rank) => all.AsSpan((int)(rank * longest), (int)length).ToArray())];
    }

    // The ranks' values one after another, in main memory.
    private Tensor Gathered(Tensor own, long count)
    {
        var all = torch.zeros([Size * count], own.dtype);
        JoinParts([own], [all]);
        return all;
    }

    // Tensors on a GPU, and no engine that works there: they go through copies.
    private bool IsElsewhere(IReadOnlyList<Tensor> tensors) => onGpu is null && AreOnGpu(tensors);

    private ICommunicator EngineOf(IReadOnlyList<Tensor> tensors) =>
        AreOnGpu(tensors) && onGpu is { } gpus ? gpus : communicator;

    private static bool AreOnGpu(IReadOnlyList<Tensor> tensors) =>
        tensors.Any(tensor => tensor.device_type != DeviceType.CPU);

    private static void Return(IReadOnlyList<Tensor> copies, IReadOnlyList<Tensor> tensors)
    {
        for (var i = 0; i < copies.Count; i++)
        {
            tensors[i].copy_(copies[i]);
        }
    }

    private static nint Stream(Tensor tensor) =>
        tensor.device_type == DeviceType.CUDA ? CudaStream.Current(tensor.device.index) : 0;

    private static ElementType TypeOf(Tensor tensor) =>
        tensor.dtype switch
        {
            ScalarType.Byte => ElementType.UInt8,
            ScalarType.Int64 => ElementType.Int64,
            ScalarType.Float16 => ElementType.Float16,
            ScalarType.BFloat16 => ElementType.BFloat16,
            ScalarType.Float32 => ElementType.Float32,
            ScalarType.Float64 => ElementType.Float64,
            var other => throw new ArgumentException($"ranks exchange no tensors of {other}"),
        };
}
