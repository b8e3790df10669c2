namespace FlowBP.Cli.Output;

/// <summary>Text that is broken between words.</summary>
internal static class WrappedText
{
    /// <summary>Writes words, as many to a line as fit; a word that is longer than a line has one to itself.</summary>
    /// <param name="to">Where to.</param>
    /// <param name="text">The words.</param>
    /// <param name="width">Columns of a line.</param>
    /// <param name="indent">Column in which lines begin.</param>
    /// <param name="startsAt">Column in which the cursor is already.</param>
    public static void Write(TextWriter to, string text, int width, int indent = 0, int startsAt = 0)
    {
        to.Write(new string(' ', indent - startsAt));
        var used = indent;
        var isFirst = true;
        foreach (var word in text.Split(' '))
        {
            if (!isFirst && used + 1 + word.Length > width)
            {
                to.WriteLine();
                to.Write(new string(' ', indent));
                used = indent;
                isFirst = true;
            }
            to.Write(isFirst ? word : $" {word}");
            used += word.Length + (isFirst ? 0 : 1);
            isFirst = false;
        }
        to.WriteLine();
    }
}
