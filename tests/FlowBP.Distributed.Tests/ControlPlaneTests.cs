using System.Text;

namespace FlowBP.Distributed.Tests;

/// <summary>Who is lost is known to all others, wherever they wait.</summary>
public class ControlPlaneTests
{
    [Test]
    public void Orders_arrive_in_order_on_every_rank() =>
        RankThreads.Together(
            3,
            ranks =>
            {
                if (ranks.Communicator.Rank == 0)
                {
                    foreach (var order in Enumerable.Range(0, 20))
                    {
                        ranks.Control.SendOrder(Encoding.UTF8.GetBytes($"order {order}"));
                    }
                    return;
                }
                var heard = Enumerable.Range(0, 20).Select(_ => Encoding.UTF8.GetString(ranks.Control.ReceiveOrder()));
                Assert.That(heard, Is.EqualTo(Enumerable.Range(0, 20).Select(order => $"order {order}")));
            }
        );

    [Test]
    public void A_rank_that_ends_by_an_error_tells_which_to_those_that_wait_for_it_and_for_orders()
    {
        var port = RankThreads.FreePort();
        var failures = RankThreads.Each(
            3,
            rank =>
            {
                using var ranks = RankThreads.Join(rank, 3, port);
                switch (rank)
                {
                    case 0:
                        ranks.Communicator.Barrier();
                        break;
                    case 1:
                        ranks.Control.Resign("the disk is full");
                        break;
                    default:
                        ranks.Control.ReceiveOrder();
                        break;
                }
            }
        );
        foreach (var rank in new[] { 0, 2 })
        {
            Assert.That(failures[rank], Is.InstanceOf<RankLostException>(), $"rank {rank}");
            Assert.That(failures[rank]!.Message, Is.EqualTo("rank 1 ended: the disk is full"), $"rank {rank}");
            Assert.That(((RankLostException)failures[rank]!).Ranks, Is.EqualTo(new[] { 1 }), $"rank {rank}");
        }
    }

    [Test]
    public void Who_waits_for_an_order_longer_than_the_timeout_is_not_lost() =>
        RankThreads.Together(
            2,
            ranks =>
            {
                if (ranks.Communicator.Rank == 0)
                {
                    Thread.Sleep(2500);
                    ranks.Control.SendOrder("go on"u8);
                }
                else
                {
                    Assert.That(Encoding.UTF8.GetString(ranks.Control.ReceiveOrder()), Is.EqualTo("go on"));
                }
            },
            seconds: 1
        );

    [Test]
    public void Rank_0_that_ends_in_order_ends_the_wait_for_orders()
    {
        var port = RankThreads.FreePort();
        var failures = RankThreads.Each(
            2,
            rank =>
            {
                using var ranks = RankThreads.Join(rank, 2, port);
                if (rank == 1)
                {
                    ranks.Control.ReceiveOrder();
                }
            }
        );
        Assert.That(failures[1]?.Message, Is.EqualTo("rank 0 has ended"));
    }
}
