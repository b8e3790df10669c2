// Other programs read signs in a prompt: weights in parentheses, adapters between angle brackets, options after two hyphens. Here a
// prompt is what the text encoder gets, signs included; that such signs are among the words is said.

using System.Text.RegularExpressions;
using FlowBP.Formats;

namespace FlowBP.Training;

/// <summary>Finds in prompts what other programs would not have painted.</summary>
internal static partial class PromptSyntax
{
    private const int Quoted = 40;

    private static readonly HashSet<string> s_sdScripts =
    [
        "n",
        "w",
        "h",
        "s",
        "d",
        "l",
        "g",
        "t",
        "m",
        "f",
        "fs",
        "ss",
        "cn",
        "ctr",
        "ci",
        "rs",
    ];

    private static readonly HashSet<string> s_midjourney =
    [
        "ar",
        "aspect",
        "c",
        "chaos",
        "cref",
        "hd",
        "iw",
        "niji",
        "no",
        "q",
        "quality",
        "raw",
        "seed",
        "sref",
        "style",
        "stylize",
        "test",
        "testp",
        "tile",
        "upbeta",
        "uplight",
        "v",
        "version",
        "weird",
    ];

    /// <summary>The first option of a line of a prompt file of sd-scripts; null: the line has none.</summary>
    /// <remarks>A line that also has an option which only Midjourney knows is a prompt of Midjourney's.</remarks>
    /// <param name="line">The line.</param>
    public static string? OptionOfSdScripts(string line)
    {
        string[] names = [.. Option().Matches(line).Select(match => match.Groups[1].Value)];
        return names.Any(s_midjourney.Contains) ? null
            : names.FirstOrDefault(s_sdScripts.Contains) is { } name ? $"--{name}"
            : null;
    }

    /// <summary>Says in one note which signs of other programs are painted as words.</summary>
    /// <param name="source">The file or option that the prompts come from.</param>
    /// <param name="prompts">The prompts.</param>
    public static void SayPainted(string source, IReadOnlyList<string> prompts)
    {
        string[] found =
        [
            .. new Func<string, string?>[]
            {
                First(Adapter()),
                First(Weight()),
                First(Choices()),
                First(Wildcard()),
                FirstOption,
            }
                .Select(sign => prompts.Select(sign).FirstOrDefault(text => text is not null))
                .OfType<string>()
                .Select(text => $"'{(text.Length <= Quoted ? text : $"{text[..Quoted]}…")}'"),
        ];
        if (found.Length > 0)
        {
            LoadingNotices.Say(
                $"{source}: signs such as {string.Join(" and ", found)} have a meaning in other programs; here they are painted as text"
            );
        }
    }

    private static Func<string, string?> First(Regex pattern) =>
        prompt => pattern.Match(prompt) is { Success: true } match ? match.Value : null;

    private static string? FirstOption(string prompt) =>
        Option()
            .Matches(prompt)
            .FirstOrDefault(match =>
                s_sdScripts.Contains(match.Groups[1].Value) || s_midjourney.Contains(match.Groups[1].Value)
            )
            is { } option
            ? option.Value.Trim()
            : null;

    [GeneratedRegex(@"(?<=^|\s)--([a-z]{1,8})(?=\s|$)")]
    private static partial Regex Option();

    [GeneratedRegex(@"<(?:lora|lyco|hypernet|ti):[^<>]*>", RegexOptions.IgnoreCase)]
    private static partial Regex Adapter();

    // (red:1.4), [red:blue:0.5]; not a time or a ratio, whose colon follows a digit.
    [GeneratedRegex(@"[(\[][^()\[\]]*[^()\[\]\d]\s*:\s*[+-]?\d*\.?\d+\s*[)\]]")]
    private static partial Regex Weight();

    [GeneratedRegex(@"\{[^{}|]*\|[^{}]*\}")]
    private static partial Regex Choices();

    [GeneratedRegex(@"(?<!\w)__[\w/*-]+?__(?!\w)")]
    private static partial Regex Wildcard();
}
