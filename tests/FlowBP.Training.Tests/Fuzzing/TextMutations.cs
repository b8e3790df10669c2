// Changes of a text of lines: a value becomes another, a line comes twice or in another place, brackets and quotes have no end.

using FlowBP.Tests.Fuzzing;

namespace FlowBP.Training.Tests.Fuzzing;

internal static class TextMutations
{
    private static readonly string[] s_signs =
    [
        ":",
        "- ",
        "[",
        "]",
        "{",
        "}",
        "\"",
        "'",
        "&a ",
        "*a",
        "!!binary ",
        "!x ",
        "<<: ",
        "|",
        ">",
        "?",
        "%",
        "@",
        "`",
        "#",
        "---",
        "...",
        "\t",
        ",",
        ";",
        "\r",
        "\n",
        "\\",
        "\0",
        "\uFEFF",
        "\u2028",
    ];

    /// <summary>A text with up to three changes.</summary>
    public static string Of(string valid, Random random)
    {
        List<string> lines = [.. valid.Split('\n')];
        for (var changes = random.Next(1, 4); changes > 0; changes--)
        {
            Change(lines, random);
        }
        return string.Join('\n', lines);
    }

    private static void Change(List<string> lines, Random random)
    {
        var at = random.Next(lines.Count);
        var line = lines[at];
        var colon = line.IndexOf(':');
        switch (random.Next(10))
        {
            case 0 or 1 or 2 when colon >= 0:
                var values = random.Next(2) == 0 ? HostileValues.Numbers : HostileValues.Texts;
                lines[at] = $"{line[..(colon + 1)]} {HostileValues.Of(random, values)}";
                break;
            case 3:
                lines.Insert(random.Next(lines.Count), line);
                break;
            case 4:
                lines[at] = HostileValues.Of(random, lines);
                break;
            case 5:
                lines[at] = new string(' ', random.Next(8)) + line.TrimStart();
                break;
            case 6:
                lines[at] = string.Concat(
                    Enumerable.Repeat(
                        HostileValues.Of(random, s_signs),
                        HostileValues.Of(random, (int[])[1, 3, 200, 20_000])
                    )
                );
                break;
            case 7 when colon >= 0:
                lines[at] = HostileValues.Of(random, HostileValues.Texts) + line[colon..];
                break;
            case 8:
                lines.RemoveAt(at);
                if (lines.Count == 0)
                {
                    lines.Add("");
                }
                break;
            default:
                lines[at] = line.Insert(random.Next(line.Length + 1), HostileValues.Of(random, s_signs));
                break;
        }
    }
}
