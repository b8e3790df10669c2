// What happens deep in a chain of readers or writers can matter to whoever began it. A parameter through a dozen signatures would
// say so to people who don't care; so whoever does listens for as long as the work takes, on its own flow of execution.

namespace FlowBP.Formats;

/// <summary>Texts that are said on a flow of execution, heard by whoever listens on it.</summary>
internal sealed class FlowListeners
{
    private readonly AsyncLocal<Listener?> current = new();

    /// <summary>Hears until the result is disposed; a text is heard once, however often it is said.</summary>
    /// <param name="hear">Receives a text; null: nobody listens.</param>
    public IDisposable To(Action<string>? hear)
    {
        var listener = new Listener(this, hear, current.Value);
        current.Value = listener;
        return listener;
    }

    /// <summary>Says something to whoever listens.</summary>
    public void Say(string text) => current.Value?.Say(text);

    private sealed class Listener(FlowListeners owner, Action<string>? hear, Listener? outer) : IDisposable
    {
        private readonly HashSet<string> said = new(StringComparer.Ordinal);

        public void Say(string text)
        {
            if (hear is not null && said.Add(text))
            {
                hear(text);
            }
        }

        public void Dispose() => owner.current.Value = outer;
    }
}
