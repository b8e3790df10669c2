// One wrong letter in one key, for every key of every released configuration: each is refused, and the message has the right name.

using FlowBP.Training.Configuration;

namespace FlowBP.Training.Tests.Configuration;

public class KeyMutationTests
{
    private TemporaryFolder folder = null!;

    [SetUp]
    public void CreateFolder() => folder = new();

    [TearDown]
    public void DeleteFolder() => folder.Dispose();

    private static readonly (string Name, Func<string, string> Mutate)[] s_mutations =
    [
        ("a letter more", key => key + "x"),
        ("an underscore more", key => key + "_"),
        ("a letter in front", key => "x" + key),
        ("the last letter twice", key => key + key[^1]),
        ("the last letter missing", key => key[..^1]),
        ("the first letter missing", key => key[1..]),
        ("another last letter", key => key[..^1] + (key[^1] == 'q' ? 'z' : 'q')),
        ("the first two exchanged", key => Exchanged(key, 0)),
        ("the last two exchanged", key => Exchanged(key, key.Length - 2)),
        ("a capital", key => char.ToUpperInvariant(key[0]) + key[1..]),
        ("hyphens", key => key.Replace('_', '-')),
    ];

    private static IEnumerable<string> Mutations => s_mutations.Select(mutation => mutation.Name);

    [TestCaseSource(nameof(Mutations))]
    public void Every_key_with(string mutation)
    {
        var mutate = s_mutations.Single(candidate => candidate.Name == mutation).Mutate;
        var count = 0;
        foreach (var file in ReleasedConfigs.Files())
        {
            var lines = File.ReadAllLines(file);
            for (var i = 0; i < lines.Length; i++)
            {
                var line = lines[i];
                var colon = line.IndexOf(':');
                if (line.TrimStart().StartsWith('#') || colon < 0)
                {
                    continue;
                }
                var indent = line[..^line.TrimStart().Length];
                var key = line[indent.Length..colon];
                var mutated = key.Length == 1 && mutation.Contains("missing") ? key : mutate(key);
                // Exchanging equal letters, and hyphens in a word of one part or a section's other spelling, are no mistakes.
                if (mutated == key || (mutation == "hyphens" && ReleasedKeys.Of(mutated).Count > 0))
                {
                    continue;
                }
                var copy = lines.ToArray();
                copy[i] = $"{indent}{mutated}{line[colon..]}";
                var path = folder.Write("mutated.yaml", string.Join('\n', copy));
                var problem = Assert.Throws<ConfigurationException>(
                    () => ReleasedConfigs.Load(path),
                    $"{file}: {key} as {mutated}"
                )!;
                Assert.That(problem.Message, Does.Contain($"'{mutated}'"), file);
                Assert.That(
                    problem.Message.Split("did you mean")[^1].Split(' ', ',', '?', ')'),
                    Does.Contain(key),
                    $"{key} as {mutated}: {problem.Message}"
                );
                Assert.That(problem.Message, Does.StartWith($"{path}, line "));
                count++;
            }
        }
        TestContext.Out.WriteLine($"{count} mutated keys refused");
        Assert.That(count, Is.GreaterThan(mutation == "hyphens" ? 500 : 1000));
    }

    private static string Exchanged(string key, int at) =>
        key.Length < 2 ? key : $"{key[..at]}{key[at + 1]}{key[at]}{key[(at + 2)..]}";
}
