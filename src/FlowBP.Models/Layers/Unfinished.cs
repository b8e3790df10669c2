// A model is put together of networks that are read one after the other, and each can be refused. What was read by then holds
// gigabytes that no one would give back before the garbage collector thinks of it, which may be never: it sees small objects.

namespace FlowBP.Models.Layers;

/// <summary>What was made so far of something larger: disposed, the last first, unless the whole is finished.</summary>
internal sealed class Unfinished : IDisposable
{
    private readonly Stack<IDisposable> parts = new();

    /// <summary>A network with what fills it; where that fails the network is disposed.</summary>
    /// <param name="network">The network, new.</param>
    /// <param name="fill">Reads its weights.</param>
    public static T Filled<T>(T network, Action<T> fill)
        where T : IDisposable
    {
        using var made = new Unfinished();
        fill(made.Add(network));
        made.Finish();
        return network;
    }

    /// <summary>Takes a part.</summary>
    /// <returns>The part.</returns>
    public T Add<T>(T part)
        where T : IDisposable
    {
        parts.Push(part);
        return part;
    }

    /// <summary>The parts belong to the whole from now on.</summary>
    public void Finish() => parts.Clear();

    /// <summary>Disposes the parts of what was not finished.</summary>
    public void Dispose()
    {
        while (parts.TryPop(out var part))
        {
            part.Dispose();
        }
    }
}
