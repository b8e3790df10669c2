namespace FlowBP.Training;

/// <summary>Files of prompts, one per line.</summary>
public static class PromptFile
{
    /// <summary>Longest line that is taken for a prompt, in characters.</summary>
    public const int LongestLine = 2000;

    /// <summary>Reads a file; blank lines at its very end are ignored.</summary>
    /// <param name="path">The file.</param>
    /// <exception cref="FileNotFoundException">There is no such file.</exception>
    /// <exception cref="InvalidDataException">The file has no prompt, or a line is empty or over-long.</exception>
    public static IReadOnlyList<string> Read(string path)
    {
        if (!File.Exists(path))
        {
            throw new FileNotFoundException($"no prompt file {path}");
        }
        List<string> lines = [.. File.ReadLines(path).Select(line => line.Trim())];
        while (lines.Count > 0 && lines[^1].Length == 0)
        {
            lines.RemoveAt(lines.Count - 1);
        }
        if (lines.Count == 0)
        {
            throw new InvalidDataException($"{path} holds no prompts: write one per line");
        }
        for (var i = 0; i < lines.Count; i++)
        {
            if (lines[i].Length == 0)
            {
                throw new InvalidDataException($"{path}, line {i + 1} is empty: remove it or write a prompt");
            }
            if (lines[i].Length > LongestLine)
            {
                throw new InvalidDataException(
                    $"{path}, line {i + 1} has {lines[i].Length} characters: a prompt has at most {LongestLine}"
                );
            }
        }
        return lines;
    }
}
