using FlowBP.Settings;

namespace FlowBP.Training;

/// <summary>Refusals of files that a run is given: prompts, captions, pictures, records.</summary>
internal static class BadFile
{
    /// <summary>The exception for a file; its message is one line, whatever the file says.</summary>
    /// <param name="message">Names the file, what was found and what was expected.</param>
    /// <param name="inner">The error underneath; null: there is none.</param>
    public static InvalidDataException Of(string message, Exception? inner = null) =>
        new(MessageText.OneLine(message), inner);
}
