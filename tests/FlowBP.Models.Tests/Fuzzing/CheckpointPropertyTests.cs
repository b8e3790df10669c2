// What is written is read back, and what is right is read: tensors of any type and shape, headers of any valid entries. A reader that
// refused everything would keep the law too.

using System.Buffers.Binary;
using System.Text;
using System.Text.Json;
using FlowBP.Formats;
using FsCheck;
using FsCheck.Fluent;

namespace FlowBP.Models.Tests.Fuzzing;

public sealed class CheckpointPropertyTests
{
    private const int Most = 300;

    private static readonly (SafetensorsType Type, int Size)[] s_types =
    [
        .. Enum.GetValues<SafetensorsType>().Select(type => (type, type.Size())),
    ];

    // Any name that is text: FsCheck's strings have halves of surrogate pairs, which JSON can't hold.
    private static readonly Gen<string> s_names = Gen.OneOf(
        Gen.Elements("a", "b.c.weight", "é", "🦀", "\"quoted\\", "\t", "x y", "../x", "/etc/passwd", "\u0000"),
        Gen.Choose(1, 99_999).Select(number => $"layer.{number}")
    );

    private static readonly Gen<long[]> s_shapes = Gen.ArrayOf(Gen.Choose(0, 5))
        .Select(extents => extents.Take(5).Select(extent => (long)extent).ToArray());

    private static readonly Gen<(string Name, int Type, long[] Shape)[]> s_entries = Gen.ArrayOf(
            from name in s_names
            from type in Gen.Choose(0, s_types.Length - 1)
            from shape in s_shapes
            select (name, type, shape)
        )
        .Select(entries => entries.DistinctBy(entry => entry.name).ToArray());

    private TemporaryFolder folder = null!;

    private string File => folder.Of("any.safetensors");

    [OneTimeSetUp]
    public void CreateFolder() => folder = new();

    [OneTimeTearDown]
    public void DeleteFolder() => folder.Dispose();

    [Test]
    public void Fuzz_any_valid_header_is_read_as_it_says() =>
        Prop.ForAll(
                Arb.From(s_entries),
                entries =>
                {
                    var begin = 0L;
                    var header = new StringBuilder("{");
                    foreach (var (name, type, shape) in entries)
                    {
                        var end = begin + shape.Aggregate((long)s_types[type].Size, (n, extent) => n * extent);
                        header.Append(header.Length > 1 ? "," : "");
                        header.Append(
                            $"{JsonSerializer.Serialize(name)}:{{\"shape\":[{string.Join(", ", shape)}],"
                                + $"\"data_offsets\":[{begin},{end}],\"dtype\":\"{s_types[type].Type}\"}}"
                        );
                        begin = end;
                    }
                    var json = Encoding.UTF8.GetBytes(header.Append('}').ToString());
                    var bytes = new byte[8 + json.Length + begin];
                    BinaryPrimitives.WriteInt64LittleEndian(bytes, json.Length);
                    json.CopyTo(bytes, 8);
                    System.IO.File.WriteAllBytes(File, bytes);

                    using var read = SafetensorsFile.Open(File);
                    Assert.That(read.Entries, Has.Count.EqualTo(entries.Length));
                    foreach (var (name, type, shape) in entries)
                    {
                        Assert.That(read.Entries[name].Type, Is.EqualTo(s_types[type].Type));
                        Assert.That(read.Entries[name].Shape, Is.EqualTo(shape));
                    }
                }
            )
            .Check(Config.QuickThrowOnFailure.WithMaxTest(Most));

    [Test]
    public void Fuzz_any_tensors_that_were_written_are_read_back() =>
        Prop.ForAll(
                Arb.From(s_entries),
                Arb.From(Gen.Choose(0, int.MaxValue)),
                (entries, seed) =>
                {
                    using var scope = torch.NewDisposeScope();
                    var random = new Random(seed);
                    var tensors = entries
                        .Where(entry => !s_types[entry.Type].Type.ToString().StartsWith("F8", StringComparison.Ordinal))
                        .ToDictionary(
                            entry => entry.Name,
                            entry =>
                                torch
                                    .tensor(Values(entry.Shape, random))
                                    .reshape(entry.Shape)
                                    .to_type(s_types[entry.Type].Type.ToScalarType())
                        );
                    if (tensors.Count == 0)
                    {
                        return;
                    }
                    SafetensorsWriter.Write(File, tensors);
                    using var read = SafetensorsFile.Open(File);
                    Assert.That(read.Tensors.Keys, Is.EquivalentTo(tensors.Keys));
                    foreach (var (name, tensor) in tensors)
                    {
                        var back = read.Load(name);
                        Assert.That(back.dtype, Is.EqualTo(tensor.dtype));
                        Assert.That(back.shape, Is.EqualTo(tensor.shape));
                        Assert.That(back.bytes.ToArray(), Is.EqualTo(tensor.bytes.ToArray()));
                    }
                }
            )
            .Check(Config.QuickThrowOnFailure.WithMaxTest(Most));

    private static float[] Values(long[] shape, Random random)
    {
        var values = new float[shape.Aggregate(1L, (n, extent) => n * extent)];
        for (var i = 0; i < values.Length; i++)
        {
            values[i] = random.Next(-100, 100);
        }
        return values;
    }
}
