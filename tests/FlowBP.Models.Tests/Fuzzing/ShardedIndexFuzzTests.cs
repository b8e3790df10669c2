// An index names files. Whatever it names, only weights in its own folder are opened: beside the folder lies a file that would be read
// if a name led out.

using FlowBP.Formats;
using FlowBP.Tests.Fuzzing;

namespace FlowBP.Models.Tests.Fuzzing;

public sealed class ShardedIndexFuzzTests
{
    private const int Test = 2;

    private const string Index = """
        {"metadata":{"total_size":40},"weight_map":{"a":"model-00001-of-00002.safetensors","b":"model-00001-of-00002.safetensors",
        "c":"model-00002-of-00002.safetensors"}}
        """;

    private TemporaryFolder outer = null!;

    private string Folder => outer.Of("model");

    [OneTimeSetUp]
    public void Write()
    {
        outer = new();
        Directory.CreateDirectory(Folder);
        using var scope = torch.NewDisposeScope();
        Write(Path.Combine(Folder, "model-00001-of-00002.safetensors"), "a", "b");
        Write(Path.Combine(Folder, "model-00002-of-00002.safetensors"), "c");
        Write(outer.Of("outside.safetensors"), "a", "b", "c");
    }

    [OneTimeTearDown]
    public void DeleteFolder() => outer.Dispose();

    [Test]
    public void Fuzz_indexes_name_files_of_their_folder_or_are_refused()
    {
        var file = Path.Combine(Folder, "model.safetensors.index.json");
        string[] escapes =
        [
            "../outside.safetensors",
            outer.Of("outside.safetensors"),
            "./../outside.safetensors",
            "model/../../outside.safetensors",
            "..\\outside.safetensors",
            "model.safetensors.index.json",
        ];
        var law = new ReaderLaw(Folder, typeof(CheckpointException));
        for (var number = 0; number < FuzzCases.Count(); number++)
        {
            var random = FuzzCases.Random(Test, number);
            var text = JsonMutations.Of(Index, random);
            if (random.Next(8) == 0)
            {
                text = text.Replace(
                    "model-00002-of-00002.safetensors",
                    HostileValues.Of(random, escapes).Replace(@"\", @"\\"),
                    StringComparison.Ordinal
                );
            }
            File.WriteAllText(file, text);
            law.Require(number, 1024 + text.Length, () => SafetensorsFuzzTests.ReadAll(file));
        }
        law.RequireKept();
    }

    private static void Write(string file, params string[] names) =>
        SafetensorsWriter.Write(file, names.ToDictionary(name => name, _ => torch.ones(2)));
}
