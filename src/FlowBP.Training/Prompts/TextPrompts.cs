// One prompt per line, which every text looks like. What is no list of prompts is told by its lines and refused.

using FlowBP.Formats;

namespace FlowBP.Training;

/// <summary>Reads prompts from lines.</summary>
internal static class TextPrompts
{
    /// <summary>The lines; blank ones at the very end count for nothing.</summary>
    /// <param name="path">The file, for messages.</param>
    /// <param name="text">Its content.</param>
    /// <param name="key">Knows the usual names of a prompt.</param>
    /// <exception cref="InvalidDataException">A line is empty, or the lines are something else than prompts.</exception>
    public static List<string> Read(string path, string text, PromptKey key)
    {
        key.SayUnused("one prompt per line");
        List<string> lines = [.. PromptText.Lines(text).Select(line => line.Trim())];
        while (lines.Count > 0 && lines[^1].Length == 0)
        {
            lines.RemoveAt(lines.Count - 1);
        }
        if (LinesOfOtherForms.Problem(lines, key) is { } problem)
        {
            throw BadFile.Of($"{path}{problem}");
        }
        if (lines.IndexOf("") is >= 0 and var empty)
        {
            throw BadFile.Of($"{path}, line {empty + 1} is empty: remove it or write a prompt");
        }
        if (LinesOfOtherForms.Doubt(lines, key) is { } doubt)
        {
            LoadingNotices.Say($"{path}{doubt}");
        }
        return lines;
    }
}
