// A folder that lists its own files must list each of them before it is there: a process can be killed at any moment, and a file
// that no list names is taken for somebody else's. Which files a model comes to, only those know who write it.

namespace FlowBP.Formats;

/// <summary>Files that are about to get their names, heard by whoever lists them on this flow of execution.</summary>
/// <example>
/// <code>
/// using (WrittenFiles.To(path =&gt; manifest.Add(path)))
/// {
///     model.Save(folder);
/// }
/// </code>
/// </example>
public static class WrittenFiles
{
    private static readonly FlowListeners Listeners = new();

    /// <summary>Hears of files until the result is disposed.</summary>
    /// <param name="hear">Receives the full path of a file that is not there yet, or is about to be replaced.</param>
    public static IDisposable To(Action<string> hear) => Listeners.To(hear);

    /// <summary>Says that a file is about to get its name.</summary>
    /// <param name="path">Its full path.</param>
    internal static void Say(string path) => Listeners.Say(path);
}
