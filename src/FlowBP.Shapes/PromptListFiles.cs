namespace FlowBP.Shapes;

/// <summary>Lists of prompts as text files.</summary>
public static class PromptListFiles
{
    /// <summary>
    /// Writes <c>train.txt</c>, <c>choice.txt</c> and <c>test.txt</c> (<see cref="PromptSets.List"/>), one prompt per line.
    /// </summary>
    /// <param name="folder">Where to; created if missing.</param>
    public static void Write(string folder)
    {
        Directory.CreateDirectory(folder);
        Write(Path.Combine(folder, "train.txt"), PromptSets.List(PromptList.Training));
        Write(Path.Combine(folder, "choice.txt"), PromptSets.List(PromptList.Choice));
        Write(Path.Combine(folder, "test.txt"), PromptSets.List(PromptList.Test));
    }

    /// <summary>Reads a file of prompts, one per line; empty lines are skipped.</summary>
    /// <param name="path">The file.</param>
    /// <exception cref="FormatException">A line isn't a prompt of this world; the message names file and line.</exception>
    public static IReadOnlyList<Prompt> Read(string path)
    {
        var prompts = new List<Prompt>();
        foreach ((var index, var line) in File.ReadLines(path).Index())
        {
            if (string.IsNullOrWhiteSpace(line))
            {
                continue;
            }

            try
            {
                prompts.Add(Prompt.Parse(line));
            }
            catch (FormatException error)
            {
                throw new FormatException($"{path}, line {index + 1}: {error.Message}", error);
            }
        }
        return prompts;
    }

    // Line feeds on every system, so that the files are the same bytes everywhere.
    private static void Write(string path, IReadOnlyList<Prompt> prompts) =>
        File.WriteAllText(path, string.Concat(prompts.Select(prompt => prompt.Text + "\n")));
}
