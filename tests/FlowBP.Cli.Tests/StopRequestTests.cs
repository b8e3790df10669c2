using System.Text;

namespace FlowBP.Cli.Tests;

/// <summary>When a signal is a wish to stop, and when it is a second one.</summary>
public class StopRequestTests
{
    private static readonly TimeSpan s_moment = TimeSpan.FromMilliseconds(50);

    [Test]
    public void The_first_signal_asks_to_stop_and_says_so()
    {
        using var said = new StringWriter();
        using var stop = new StopRequest(said, new SetTime());
        Assert.That(stop.Token.IsCancellationRequested, Is.False);
        Assert.That(stop.IsHeeded(), Is.True);
        Assert.That(stop.Token.IsCancellationRequested, Is.True);
        Assert.That(said.ToString(), Does.Contain("stopping after what is being computed now"));
    }

    [Test]
    public void Signals_of_one_moment_are_one_wish_and_a_later_one_ends_the_process()
    {
        using var said = new StringWriter();
        var time = new SetTime();
        using var stop = new StopRequest(said, time);
        stop.IsHeeded();
        var once = said.ToString();

        time.Elapsed += s_moment;
        Assert.That(stop.IsHeeded(), Is.True, "50 ms after the first");
        time.Elapsed += StopRequest.OneWish - (2 * s_moment);
        Assert.That(stop.IsHeeded(), Is.True, "just within the second");
        time.Elapsed += s_moment;
        Assert.That(stop.IsHeeded(), Is.False, "a second after the first, whatever came between");
        Assert.That(said.ToString(), Is.EqualTo(once), "said once");
    }

    [Test]
    public void A_wish_to_make_way_is_known_before_the_wish_to_stop()
    {
        using var said = new StringWriter();
        using var stop = new StopRequest(said, new SetTime());
        var first = false;
        using var registration = stop.Token.Register(() => first = stop.Suspend.IsCancellationRequested);
        stop.IsHeeded(suspends: true);
        Assert.That(stop.Token.IsCancellationRequested, Is.True);
        Assert.That(first, Is.True);

        using var other = new StopRequest(said, new SetTime());
        other.IsHeeded();
        Assert.That(other.Suspend.IsCancellationRequested, Is.False, "Ctrl-C stops, and no more");
    }

    [Test]
    public void The_wish_is_known_before_anything_is_written()
    {
        StopRequest? stop = null;
        var known = false;
        using var watching = new WatchingWriter(() => known |= stop!.Token.IsCancellationRequested);
        using (stop = new StopRequest(watching, new SetTime()))
        {
            stop.IsHeeded();
        }
        Assert.That(known, Is.True);
        Assert.That(watching.First, Is.True, "at the first character");
    }

    private sealed class SetTime : TimeProvider
    {
        public TimeSpan Elapsed { get; set; }

        public override long TimestampFrequency => TimeSpan.TicksPerSecond;

        public override long GetTimestamp() => Elapsed.Ticks;
    }

    private sealed class WatchingWriter(Func<bool> look) : TextWriter
    {
        public bool? First { get; private set; }

        public override Encoding Encoding => Encoding.UTF8;

        public override void Write(char value) => First ??= look();
    }
}
