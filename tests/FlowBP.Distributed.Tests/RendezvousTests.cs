using System.Net.Sockets;

namespace FlowBP.Distributed.Tests;

/// <summary>Processes that do not make one group are told why, every one of them, and nobody waits for ever.</summary>
public class RendezvousTests
{
    [Test]
    public void Ranks_that_do_not_come_are_named_to_those_that_did()
    {
        var port = RankThreads.FreePort();
        var failures = RankThreads.Each(
            2,
            rank =>
            {
                using var ranks = RankThreads.Join(rank, 4, port, seconds: 1.5);
            }
        );
        foreach (var failure in failures)
        {
            Assert.That(failure, Is.InstanceOf<RendezvousException>());
            Assert.That(failure!.Message, Does.StartWith("of 4 ranks ranks 2 and 3 did not come within 1.5 s"));
            Assert.That(((RendezvousException)failure).IsSameEverywhere);
        }
    }

    [Test]
    public void A_rank_without_rank_0_ends_at_its_deadline()
    {
        var port = RankThreads.FreePort();
        Assert.That(
            () => RankThreads.Join(1, 2, port, seconds: 1),
            Throws
                .InstanceOf<RendezvousException>()
                .With.Message.StartsWith($"rank 1 found no rank 0 at 127.0.0.1:{port} within 1 s")
        );
    }

    [Test]
    public void A_port_that_is_taken_is_named()
    {
        using var taken = new Socket(SocketType.Stream, ProtocolType.Tcp);
        taken.Bind(new System.Net.IPEndPoint(System.Net.IPAddress.IPv6Any, 0));
        taken.Listen();
        var port = ((System.Net.IPEndPoint)taken.LocalEndPoint!).Port;
        Assert.That(
            () => RankThreads.Join(0, 2, port, seconds: 1),
            Throws
                .InstanceOf<RendezvousException>()
                .With.Message.StartsWith($"rank 0 can't listen on port {port}: ")
                .And.Message.EndsWith("choose another with FLOWBP_PORT")
        );
    }

    [Test]
    public void Strangers_are_not_let_in_and_hold_up_nobody()
    {
        var port = RankThreads.FreePort();
        List<string> notices = [];
        var failures = RankThreads.Each(
            4,
            rank =>
            {
                switch (rank)
                {
                    case 2:
                        // Knows another secret.
                        using (var ranks = RankThreads.Join(1, 2, port, seconds: 5, secret: "another")) { }
                        break;
                    case 3:
                        Chatter(port);
                        break;
                    case 1:
                        Thread.Sleep(500);
                        goto default;
                    default:
                        using (
                            var ranks = RankThreads.Join(
                                rank,
                                2,
                                port,
                                notice: text =>
                                {
                                    lock (notices)
                                    {
                                        notices.Add(text);
                                    }
                                }
                            )
                        )
                        {
                            ranks.Communicator.Barrier();
                        }
                        break;
                }
            }
        );
        using (Assert.EnterMultipleScope())
        {
            Assert.That(failures[0], Is.Null);
            Assert.That(failures[1], Is.Null);
            Assert.That(failures[2], Is.InstanceOf<RendezvousException>());
            Assert.That(
                notices,
                Has.Some.Contains("is none of this job and was not let in: it does not know the job's secret")
            );
        }
    }

    [TestCase("settings", "rank 1 on {0} has other settings than rank 0: learning_rate is 2e-4 and 1e-4")]
    [TestCase("version", "rank 1 on {0} runs version 2, and rank 0 version 1")]
    [TestCase("size", "rank 1 on {0} is one of 3 ranks, and rank 0 one of 2: start them together")]
    public void Ranks_that_disagree_are_told_by_what_on_every_rank(string what, string expected)
    {
        var port = RankThreads.FreePort();
        var failures = RankThreads.Each(
            2,
            rank =>
            {
                using var ranks = RankThreads.Join(
                    rank,
                    what == "size" ? 2 + rank : 2,
                    port,
                    settings: new Dictionary<string, string>
                    {
                        ["learning_rate"] = what == "settings" && rank == 1 ? "2e-4" : "1e-4",
                    },
                    version: what == "version" && rank == 1 ? "2" : "1"
                );
            }
        );
        foreach (var failure in failures)
        {
            Assert.That(failure?.Message, Is.EqualTo(string.Format(null, expected, Environment.MachineName)));
        }
    }

    [Test]
    public void A_rank_that_comes_twice_is_named()
    {
        var port = RankThreads.FreePort();
        var failures = RankThreads.Each(
            3,
            rank =>
            {
                using var ranks = RankThreads.Join(Math.Min(rank, 1), 3, port, seconds: 3);
            }
        );
        Assert.That(failures[0]?.Message, Does.StartWith("rank 1 came twice, the second time from"));
    }

    // Speaks another protocol, with a length that no memory has.
    private static void Chatter(int port)
    {
        for (var attempt = 0; attempt < 50; attempt++)
        {
            try
            {
                using var client = new TcpClient("127.0.0.1", port);
                client.GetStream().Write("\xff\xff\xff\x7fGET / HTTP/1.1\r\n\r\n"u8);
                return;
            }
            catch (SocketException)
            {
                Thread.Sleep(50);
            }
        }
    }
}
