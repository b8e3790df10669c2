// An error quotes what was found, and what was found is a stranger's: a name of a megabyte, a letter that moves the cursor of a
// terminal. A message stays one line that a person can read, whatever a file says.

namespace FlowBP.Settings;

/// <summary>Messages about files.</summary>
public static class MessageText
{
    private const int QuotedCharacters = 200;
    private const int FirstCharacters = 2500;
    private const int LastCharacters = 1000;

    /// <summary>
    /// A message as one line. What fills it beyond a page is left out of its middle, and control characters, which a terminal would
    /// obey, are replaced.
    /// </summary>
    /// <param name="message">The message.</param>
    public static string OneLine(string message)
    {
        if (message.Length > FirstCharacters + LastCharacters)
        {
            message = $"{message.AsSpan(0, FirstCharacters)} … {message.AsSpan(message.Length - LastCharacters)}";
        }
        var line = message.ReplaceLineEndings(" ");
        return line.Any(char.IsControl)
            ? string.Create(
                line.Length,
                line,
                static (to, from) =>
                {
                    for (var i = 0; i < to.Length; i++)
                    {
                        to[i] = char.IsControl(from[i]) ? '\uFFFD' : from[i];
                    }
                }
            )
            : line;
    }

    /// <summary>The beginning of a text that is quoted.</summary>
    /// <param name="text">The text.</param>
    public static string Shortened(string text) =>
        text.Length <= QuotedCharacters ? text : text[..(QuotedCharacters - 3)] + "...";
}
