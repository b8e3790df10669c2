// Whatever the bytes are: tensors or a CheckpointException, and nothing else. Valid files of every layout are changed at
// random places, which gets further into the readers than random bytes would.

using FlowBP.Formats;
using FsCheck;
using FsCheck.Fluent;
using static FlowBP.Models.Tests.TorchFileWriter;

namespace FlowBP.Models.Tests;

public sealed class FuzzedCheckpointTests
{
    private const int Files = 3000;

    // Where, and what is done there: bytes replaced, a run removed or doubled, or interesting numbers written.
    private static readonly Gen<(int Where, int What, int Value)[]> Mutations = Gen.NonEmptyListOf(
            from place in Gen.Choose(0, int.MaxValue)
            from what in Gen.Choose(0, 5)
            from value in Gen.OneOf(Gen.Choose(0, 255), Gen.Elements(int.MinValue, -1, 0, 1, int.MaxValue))
            select (place, what, value)
        )
        .Select(list => list.Take(4).ToArray());

    private TemporaryFolder folder = null!;

    [OneTimeSetUp]
    public void CreateFolder() => folder = new TemporaryFolder();

    [OneTimeTearDown]
    public void DeleteFolder() => folder.Dispose();

    [TestCase("zip.pt")]
    [TestCase("legacy.pt")]
    [TestCase("model.safetensors")]
    [TestCase("model.safetensors.index.json")]
    public void Changed_files_are_read_or_refused(string name)
    {
        var valid = Valid(name);
        var read = 0;
        Prop.ForAll(
                Arb.From(Mutations),
                mutations =>
                {
                    File.WriteAllBytes(folder.Of(name), Mutated(valid, mutations));
                    try
                    {
                        using var scope = torch.NewDisposeScope();
                        using var source = Checkpoint.Open(folder.Of(name));
                        foreach (var tensor in source.Tensors.Keys)
                        {
                            source.Load(tensor);
                        }
                        read++;
                    }
                    catch (CheckpointException e)
                    {
                        Assert.That(e.Message, Does.Not.Contain('\n').And.Length.LessThan(2000));
                    }
                }
            )
            .Check(Config.QuickThrowOnFailure.WithMaxTest(Files));
        // Were none or all of them readable, the changes would not be where the reader looks.
        Assert.That(read, Is.InRange(1, Files - 1));
    }

    private byte[] Valid(string name)
    {
        using var scope = torch.NewDisposeScope();
        var storage = Floats(1, 2, 3, 4, 5, 6);
        switch (name)
        {
            case "zip.pt":
                return Zip(StateDict(legacy: false), ("0", storage));
            case "legacy.pt":
                return Legacy(StateDict(legacy: true), ("0", 6, storage));
            default:
                SafetensorsWriter.Write(
                    folder.Of("part.safetensors"),
                    new Dictionary<string, Tensor>
                    {
                        ["a"] = torch.ones(2, 3),
                        ["b"] = torch.zeros(2, dtype: ScalarType.Int64),
                    }
                );
                return name.EndsWith(".json", StringComparison.Ordinal)
                    ? """{"metadata":{"total_size":40},"weight_map":{"a":"part.safetensors","b":"part.safetensors"}}"""u8.ToArray()
                    : File.ReadAllBytes(folder.Of("part.safetensors"));
        }
    }

    private static byte[] StateDict(bool legacy) =>
        PickleWriter.Of(p =>
            p.Op('}')
                .Op('(')
                .Text("epoch")
                .Int(70_000)
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

    private static byte[] Mutated(byte[] valid, (int Where, int What, int Value)[] mutations)
    {
        List<byte> bytes = [.. valid];
        foreach (var (where, what, value) in mutations)
        {
            if (bytes.Count < 8)
            {
                break;
            }
            var at = where % (bytes.Count - 4);
            var run = Math.Min(1 + (value & 15), bytes.Count - at);
            switch (what)
            {
                case 0:
                    bytes.RemoveRange(at, run);
                    break;
                case 1:
                    bytes.InsertRange(at, bytes.GetRange(at, run));
                    break;
                case 2:
                    var number = BitConverter.GetBytes(value);
                    for (var i = 0; i < number.Length; i++)
                    {
                        bytes[at + i] = number[i];
                    }
                    break;
                case 3:
                    bytes.RemoveRange(at, bytes.Count - at);
                    break;
                default:
                    bytes[at] = (byte)value;
                    break;
            }
        }
        return [.. bytes];
    }
}
