namespace FlowBP.Training.Runs;

/// <summary>One piece of work at a time, beside whatever else is done.</summary>
internal sealed class BackgroundWork
{
    private Task<Exception?>? running;

    /// <summary>Begins a piece of work; the one before must be over.</summary>
    /// <param name="work">The work.</param>
    public void Begin(Action work)
    {
        if (running is not null)
        {
            throw new InvalidOperationException("the work before is not over");
        }
        running = Task.Run(() =>
        {
            try
            {
                work();
                return null;
            }
            catch (Exception e)
            {
                return e;
            }
        });
    }

    /// <summary>Waits for the work, if there is any.</summary>
    /// <returns>Whether there was, and what it failed by; null: it did not.</returns>
    public (bool Was, Exception? Failure) Finish()
    {
        if (running is not { } work)
        {
            return (false, null);
        }
        running = null;
        return (true, work.GetAwaiter().GetResult());
    }
}
