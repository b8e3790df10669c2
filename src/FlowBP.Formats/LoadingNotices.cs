// What is guessed while files are read is said. A model is opened by a chain of a dozen readers, and which of them has something to
// say depends on what lies in the folder; so whoever opens one listens for as long as it takes, and a reader says it without
// knowing who listens.

namespace FlowBP.Formats;

/// <summary>Notices of readers, heard by whoever opens a model on this flow of execution.</summary>
/// <example>
/// <code>
/// using (LoadingNotices.To(text =&gt; Console.Error.WriteLine(text)))
/// {
///     model = StoredModel.Load(folder);
/// }
/// </code>
/// </example>
public static class LoadingNotices
{
    private static readonly FlowListeners Listeners = new();

    /// <summary>Hears notices until the result is disposed; a notice is heard once, however often it is said.</summary>
    /// <param name="hear">Receives one sentence; null: nobody listens.</param>
    public static IDisposable To(Action<string>? hear) => Listeners.To(hear);

    /// <summary>Says something to whoever listens.</summary>
    /// <param name="text">One sentence: what was found, and what was made of it.</param>
    public static void Say(string text) => Listeners.Say(text);
}
