using System.Runtime.InteropServices;

namespace FlowBP.Distributed.Tests;

/// <summary>Collectives over TCP give their closed forms.</summary>
public class TcpCommunicatorTests
{
    // None, one, a number that no count of ranks divides, and more than one chunk.
    private static readonly int[] s_counts = [0, 1, 1001, 70_001];

    [Test]
    public void Sums_minima_and_maxima_are_those_of_all_ranks([Values(1, 2, 4)] int size) =>
        RankThreads.Together(
            size,
            ranks =>
            {
                foreach (var count in s_counts)
                {
                    // Rank r has r + 1 + i mod 7: sum Σ(r + 1) + R · (i mod 7), least 1 + i mod 7, most R + i mod 7.
                    var expected = Enumerable.Range(0, count).Select(i => (double)(i % 7)).ToArray();
                    var own = expected.Select(value => value + ranks.Communicator.Rank + 1).ToArray();
                    var sum = size * (size + 1) / 2.0;
                    Assert.That(
                        Reduced(ranks, own, Reduction.Sum),
                        Is.EqualTo(expected.Select(value => (size * value) + sum))
                    );
                    Assert.That(Reduced(ranks, own, Reduction.Min), Is.EqualTo(expected.Select(value => value + 1)));
                    Assert.That(Reduced(ranks, own, Reduction.Max), Is.EqualTo(expected.Select(value => value + size)));
                }
            }
        );

    [Test]
    public void Every_type_is_added() =>
        RankThreads.Together(
            3,
            ranks =>
            {
                var rank = ranks.Communicator.Rank;
                // 2^60 + 1 has no double; 1 + 2/256 has a bfloat16, of which three make 3 + 6/256, which has none: 3.015625 is next.
                Assert.That(Sum(ranks, ElementType.Int64, (1L << 60) + rank), Is.EqualTo((3L << 60) + 3));
                Assert.That(Sum(ranks, ElementType.UInt8, (byte)(10 * rank)), Is.EqualTo((byte)30));
                Assert.That(
                    Sum(ranks, ElementType.Float32, 0.1f * (rank + 1)),
                    Is.EqualTo((float)((double)0.1f + 0.2f + 0.3f))
                );
                Assert.That(Sum(ranks, ElementType.Float16, (Half)(0.5 * rank)), Is.EqualTo((Half)1.5));
                Assert.That(
                    Sum(ranks, ElementType.BFloat16, (ushort)0x3F81),
                    Is.EqualTo((ushort)0x4041).Or.EqualTo((ushort)0x4042)
                );
            }
        );

    [Test]
    public void Parts_are_scattered_gathered_and_copied([Values(2, 4)] int size, [Values] bool inPlace) =>
        RankThreads.Together(
            size,
            ranks =>
            {
                var rank = ranks.Communicator.Rank;
                const int Count = 1001;
                // Element i of all is i on every rank, so the sum is R · i.
                float[] all = [.. Enumerable.Range(0, size * Count).Select(i => (float)i)];
                var part = new float[Count];
                Scatter(ranks.Communicator, all, part, inPlace, rank);
                var scattered = inPlace ? all[(rank * Count)..((rank + 1) * Count)] : part;
                Assert.That(scattered, Is.EqualTo(Enumerable.Range(rank * Count, Count).Select(i => (float)size * i)));

                var gathered = new float[size * Count];
                Gather(ranks.Communicator, scattered, gathered, inPlace, rank);
                Assert.That(gathered, Is.EqualTo(Enumerable.Range(0, size * Count).Select(i => (float)size * i)));

                float[] copied = [rank, rank];
                Broadcast(ranks.Communicator, copied, root: size - 1);
                Assert.That(copied, Is.EqualTo(new float[] { size - 1, size - 1 }));
            }
        );

    [Test]
    public void Several_operations_are_under_way_and_end_in_order() =>
        RankThreads.Together(
            2,
            ranks =>
            {
                var buffers = Enumerable.Range(0, 50).Select(i => new float[] { i, ranks.Communicator.Rank }).ToArray();
                var pins = buffers.Select(buffer => GCHandle.Alloc(buffer, GCHandleType.Pinned)).ToArray();
                List<ICollectiveWork> works = [];
                using (ranks.Communicator.BeginGroup())
                {
                    works.AddRange(
                        pins.Select(pin =>
                        {
                            var address = pin.AddrOfPinnedObject();
                            return ranks.Communicator.BeginAllReduce(
                                address,
                                address,
                                2,
                                ElementType.Float32,
                                Reduction.Sum
                            );
                        })
                    );
                }
                works.ForEach(work => work.Wait());
                Assert.That(works.TrueForAll(work => work.IsCompleted));
                foreach (var (i, buffer) in buffers.Index())
                {
                    Assert.That(buffer, Is.EqualTo(new float[] { 2 * i, 1 }));
                    pins[i].Free();
                }
            }
        );

    [Test]
    public void Ranks_that_do_different_things_are_told()
    {
        var port = RankThreads.FreePort();
        var failures = RankThreads.Each(
            3,
            rank =>
            {
                using var ranks = RankThreads.Join(rank, 3, port);
                _ = Reduced(ranks, new double[rank == 2 ? 5 : 4], Reduction.Sum);
            }
        );
        foreach (var rank in new[] { 0, 1 })
        {
            Assert.That(
                failures[rank]?.Message,
                Is.EqualTo(
                        "rank 2 asks for an all-reduce (Sum) of 5 Float64 as operation 0, and rank 0 for an all-reduce (Sum) of 4 Float64 as"
                            + " operation 0: the ranks do different things"
                    )
                    .Or.Contain("rank 2"),
                $"rank {rank}"
            );
        }
    }

    [Test]
    public void A_rank_that_does_not_come_is_named_by_all_others_at_the_deadline()
    {
        var port = RankThreads.FreePort();
        using var others = new CountdownEvent(2);
        var failures = RankThreads.Each(
            3,
            rank =>
            {
                using var ranks = RankThreads.Join(rank, 3, port, seconds: 1.5);
                if (rank == 1)
                {
                    // Alive, and busy with something else.
                    Assert.That(others.Wait(TimeSpan.FromSeconds(20)));
                    return;
                }
                try
                {
                    ranks.Communicator.Barrier();
                }
                finally
                {
                    others.Signal();
                }
            }
        );
        foreach (var rank in new[] { 0, 2 })
        {
            Assert.That(failures[rank], Is.InstanceOf<RankLostException>(), $"rank {rank}");
            Assert.That(failures[rank]!.Message, Does.StartWith("rank 1 did not come to"), $"rank {rank}");
        }
        Assert.That(((RankLostException)failures[0]!).Ranks, Is.EqualTo(new[] { 1 }));
    }

    private static unsafe double[] Reduced(JoinedRanks ranks, double[] own, Reduction reduction)
    {
        var result = new double[own.Length];
        fixed (
            double* from = own,
                to = result
        )
        {
            ranks.Communicator.AllReduce((nint)from, (nint)to, own.Length, ElementType.Float64, reduction);
        }
        return result;
    }

    private static unsafe T Sum<T>(JoinedRanks ranks, ElementType type, T own)
        where T : unmanaged
    {
        ranks.Communicator.AllReduce((nint)(&own), (nint)(&own), 1, type, Reduction.Sum);
        return own;
    }

    private static unsafe void Scatter(ICommunicator ranks, float[] all, float[] part, bool inPlace, int rank)
    {
        fixed (
            float* from = all,
                to = part
        )
        {
            ranks.ReduceScatter(
                (nint)from,
                (nint)(inPlace ? from + (rank * part.Length) : to),
                part.Length,
                ElementType.Float32,
                Reduction.Sum
            );
        }
    }

    private static unsafe void Gather(ICommunicator ranks, float[] part, float[] all, bool inPlace, int rank)
    {
        if (inPlace)
        {
            part.CopyTo(all, rank * part.Length);
        }
        fixed (
            float* from = part,
                to = all
        )
        {
            ranks.AllGather(
                (nint)(inPlace ? to + (rank * part.Length) : from),
                (nint)to,
                part.Length,
                ElementType.Float32
            );
        }
    }

    private static unsafe void Broadcast(ICommunicator ranks, float[] values, int root)
    {
        fixed (float* buffer = values)
        {
            ranks.Broadcast((nint)buffer, values.Length, ElementType.Float32, root);
        }
    }
}
