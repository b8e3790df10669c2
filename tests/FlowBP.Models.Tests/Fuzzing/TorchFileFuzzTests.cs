// Files of torch.save from strangers, in both layouts: the pickle's instructions, the archive's headers and directory, the bytes of all
// of it.

using FlowBP.Formats;
using FlowBP.Tests.Fuzzing;
using static FlowBP.Models.Tests.TorchFileWriter;

namespace FlowBP.Models.Tests.Fuzzing;

public sealed class TorchFileFuzzTests
{
    private TemporaryFolder folder = null!;

    [OneTimeSetUp]
    public void CreateFolder() => folder = new();

    [OneTimeTearDown]
    public void DeleteFolder() => folder.Dispose();

    [TestCase("zip", 3)]
    [TestCase("legacy", 4)]
    public void Fuzz_files_of_torch_save_are_read_or_refused_by_name(string layout, int test)
    {
        var file = folder.Of($"{layout}.pt");
        var storage = Floats(1, 2, 3, 4, 5, 6);
        var pickle = StateDict(layout == "legacy");
        var valid = layout == "zip" ? Zip(pickle, ("0", storage)) : Legacy(pickle, ("0", 6, storage));
        var law = new ReaderLaw(file, typeof(CheckpointException));
        for (var number = 0; number < FuzzCases.Count(); number++)
        {
            var random = FuzzCases.Random(test, number);
            var bytes = random.Next(4) switch
            {
                0 => ByteMutations.Of(valid, random),
                1 when layout == "zip" => Archived(pickle, storage, random),
                _ => Around(PickleMutations.Of(pickle, random), storage, layout),
            };
            File.WriteAllBytes(file, bytes);
            law.Require(number, bytes.Length, () => SafetensorsFuzzTests.ReadAll(file));
        }
        law.RequireKept();
    }

    private static byte[] Around(byte[] pickle, byte[] storage, string layout) =>
        layout == "zip" ? Zip(pickle, ("0", storage)) : Legacy(pickle, ("0", 6, storage));

    // Entries with other names, twice or not at all; then the numbers in their headers and in the directory.
    private static byte[] Archived(byte[] pickle, byte[] storage, Random random)
    {
        List<(string Name, byte[] Bytes)> entries =
        [
            ("archive/data.pkl", pickle),
            ("archive/byteorder", [.. "little"u8]),
            ("archive/data/0", storage),
            ("archive/version", [.. "3\n"u8]),
        ];
        var at = random.Next(entries.Count);
        switch (random.Next(6))
        {
            case 0:
                entries[at] = (HostileValues.Of(random, HostileValues.Texts), entries[at].Bytes);
                break;
            case 1:
                entries.Add(entries[at]);
                break;
            case 2:
                entries.RemoveAt(at);
                break;
            case 3:
                entries[at] = (entries[at].Name, entries[random.Next(entries.Count)].Bytes);
                break;
        }
        var bytes = Archive([.. entries]);
        if (random.Next(3) > 0)
        {
            int[] headers = [.. Signatures(bytes)];
            var field = HostileValues.Of(random, headers) + random.Next(4, 46);
            var value = HostileValues.Binary(random);
            for (var i = 0; i < value.Length && field + i < bytes.Length; i++)
            {
                bytes[field + i] = value[i];
            }
        }
        return bytes;
    }

    private static IEnumerable<int> Signatures(byte[] bytes) =>
        Enumerable.Range(0, bytes.Length - 4).Where(at => bytes[at] == 'P' && bytes[at + 1] == 'K');

    private static byte[] StateDict(bool legacy) =>
        PickleWriter.Of(p =>
            p.Op('}')
                .Op('(')
                .Text("epoch")
                .Int(70_000)
                .Text("lr")
                .Double(1e-4)
                .Text("state_dict")
                .OrderedDict()
                .Op('(')
                .Text("module.a")
                .Tensor("FloatStorage", "0", 6, 0, [2, 3], [3, 1], legacy)
                .Text("module.b")
                .Tensor("FloatStorage", "0", 6, 1, [3, 2], [1, 2], legacy)
                .Op('u')
                .Op('}')
                .Op('b')
                .Op('u')
        );
}
