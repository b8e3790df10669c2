// Fixtures that are recognised and have nothing to be run against in this version. They are shown by name, so that a folder
// full of them doesn't look verified.

using FlowBP.Verification;

namespace FlowBP.Training.Verification;

/// <summary>Fixtures of what this version does not have.</summary>
internal static class UnsupportedFixtures
{
    private static readonly (string File, string What)[] Tokenizers =
    [
        ("t5_encodings.json", "no T5 tokenizer yet"),
        ("qwen_encodings.json", "no Qwen tokenizer yet"),
    ];

    /// <summary>Those that lie in a folder itself.</summary>
    /// <param name="folder">The folder.</param>
    public static IEnumerable<FixtureSource> In(string folder)
    {
        foreach (var (file, what) in Tokenizers)
        {
            if (File.Exists(Path.Combine(folder, file)))
            {
                yield return Skip(Path.Combine(folder, file), what);
            }
        }
    }

    private static FixtureSource Skip(string path, string reason) =>
        new(path, () => [FixtureResult.Skipped("", reason)]);
}
