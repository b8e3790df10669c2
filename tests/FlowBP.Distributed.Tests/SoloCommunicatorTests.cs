namespace FlowBP.Distributed.Tests;

/// <summary>A group of one process gives each operation's closed form.</summary>
public class SoloCommunicatorTests
{
    [TestCase(ElementType.UInt8, 1)]
    [TestCase(ElementType.BFloat16, 2)]
    [TestCase(ElementType.Float64, 8)]
    public unsafe void Every_result_is_what_was_sent(ElementType type, int bytes)
    {
        using var alone = new SoloCommunicator();
        byte[] sent = [.. Enumerable.Range(1, 3 * bytes).Select(value => (byte)value)];
        foreach (var operation in new[] { 0, 1, 2 })
        {
            var got = new byte[sent.Length];
            fixed (byte* from = sent)
            fixed (byte* to = got)
            {
                var work = operation switch
                {
                    0 => alone.BeginAllReduce((nint)from, (nint)to, 3, type, Reduction.Max),
                    1 => alone.BeginReduceScatter((nint)from, (nint)to, 3, type, Reduction.Sum),
                    _ => alone.BeginAllGather((nint)from, (nint)to, 3, type),
                };
                work.Wait();
            }
            Assert.That(got, Is.EqualTo(sent), $"operation {operation}");
        }
    }

    [Test]
    public void Another_root_than_itself_is_refused()
    {
        using var alone = new SoloCommunicator();
        Assert.That(
            () => alone.Broadcast(0, 0, ElementType.Float32, 1),
            Throws.InstanceOf<ArgumentOutOfRangeException>()
        );
    }
}
