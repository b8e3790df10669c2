// Reading and writing safetensors, with damaged and hostile files above all: each must end in one line that names the file,
// the tensor, what was found and what was expected.

using System.Buffers.Binary;
using System.Text;
using FlowBP.Formats;

namespace FlowBP.Models.Tests;

public sealed class SafetensorsTests
{
    private string folder = "";

    [SetUp]
    public void CreateFolder() => folder = Directory.CreateTempSubdirectory("flowbp-safetensors-").FullName;

    [TearDown]
    public void DeleteFolder() => Directory.Delete(folder, recursive: true);

    [TestCase(ScalarType.Float64)]
    [TestCase(ScalarType.Float32)]
    [TestCase(ScalarType.Float16)]
    [TestCase(ScalarType.BFloat16)]
    [TestCase(ScalarType.Int64)]
    [TestCase(ScalarType.Int32)]
    [TestCase(ScalarType.Byte)]
    [TestCase(ScalarType.Bool)]
    public void Every_type_survives_a_round_trip(ScalarType type)
    {
        using var scope = torch.NewDisposeScope();
        var tensor = torch.tensor(new float[] { 0, 1, 2, 3, 4, 100 }).reshape(2, 3).to_type(type);
        var file = Write(("x", tensor));

        using var read = SafetensorsFile.Open(file);
        var back = read.Load("x");

        Assert.That(back.dtype, Is.EqualTo(type));
        Assert.That(back.shape, Is.EqualTo(new long[] { 2, 3 }));
        Assert.That(back.bytes.ToArray(), Is.EqualTo(tensor.bytes.ToArray()));
    }

    [Test]
    public void Scalars_and_empty_tensors_survive_a_round_trip()
    {
        using var scope = torch.NewDisposeScope();
        var file = Write(("scalar", torch.tensor(2.5f)), ("empty", torch.zeros(0, 3)), ("after", torch.ones(2)));

        using var read = SafetensorsFile.Open(file);

        Assert.That(read.Load("scalar").item<float>(), Is.EqualTo(2.5f));
        Assert.That(read.Load("empty").shape, Is.EqualTo(new long[] { 0, 3 }));
        Assert.That(read.Load("after").data<float>().ToArray(), Is.EqualTo(new float[] { 1, 1 }));
    }

    [Test]
    public void Strided_tensors_are_written_row_major()
    {
        using var scope = torch.NewDisposeScope();
        var transposed = torch.tensor(new float[] { 1, 2, 3, 4 }).reshape(2, 2).transpose(0, 1);
        var file = Write(("x", transposed));

        using var read = SafetensorsFile.Open(file);

        Assert.That(read.Load("x").data<float>().ToArray(), Is.EqualTo(new float[] { 1, 3, 2, 4 }));
    }

    [Test]
    public void The_same_tensors_give_the_same_bytes_in_any_order()
    {
        using var scope = torch.NewDisposeScope();
        var a = torch.ones(3);
        var b = torch.zeros(2, dtype: ScalarType.Int64);

        var first = File.ReadAllBytes(Write(("a", a), ("b", b)));
        var second = File.ReadAllBytes(Write(("b", b), ("a", a)));

        Assert.That(second, Is.EqualTo(first));
    }

    [Test]
    public void The_data_section_is_aligned_and_the_metadata_says_where_the_file_comes_from()
    {
        using var scope = torch.NewDisposeScope();
        var file = Write(("x", torch.ones(1)));

        var bytes = File.ReadAllBytes(file);
        using var read = SafetensorsFile.Open(file);

        Assert.That(BinaryPrimitives.ReadInt64LittleEndian(bytes) % 8, Is.Zero);
        Assert.That(read.Metadata["format"], Is.EqualTo("pt"));
    }

    [Test]
    public void A_failed_write_leaves_the_old_file_and_no_other()
    {
        var file = Path.Combine(folder, "model.safetensors");
        File.WriteAllText(file, "old");

        Assert.That(
            () => AtomicFile.Write(file, _ => throw new IOException("No space left on device")),
            Throws
                .TypeOf<CheckpointException>()
                .With.Message.EqualTo($"{file}: cannot be written: No space left on device")
        );
        Assert.That(File.ReadAllText(file), Is.EqualTo("old"));
        Assert.That(Directory.GetFiles(folder), Has.Length.EqualTo(1));
    }

    [Test]
    public void A_missing_file_is_named()
    {
        var file = Path.Combine(folder, "nowhere", "model.safetensors");

        Assert.That(
            () => SafetensorsFile.Open(file),
            Throws.TypeOf<CheckpointException>().With.Message.EqualTo($"{file}: no such file")
        );
    }

    [TestCase(0)]
    [TestCase(7)]
    public void A_file_without_a_header_length_is_truncated(int bytes)
    {
        Refuses(new byte[bytes], $"found {bytes} bytes, expected at least 8");
    }

    [TestCase(ulong.MaxValue)]
    [TestCase(1UL << 63)]
    [TestCase(100_000_001UL)]
    public void A_header_longer_than_the_format_allows_is_refused(ulong length)
    {
        var bytes = new byte[64];
        BinaryPrimitives.WriteUInt64LittleEndian(bytes, length);

        Refuses(bytes, $"found a header length of {length} bytes");
    }

    [Test]
    public void A_header_longer_than_the_file_is_refused()
    {
        Refuses(Bytes("{}", 0, headerLength: 100), "found a header length of 100 bytes, expected at most 2");
    }

    [Test]
    public void A_file_cut_off_in_its_data_is_refused()
    {
        Refuses(
            Bytes("""{"x":{"dtype":"F32","shape":[4],"data_offsets":[0,16]}}""", dataBytes: 15),
            "tensor 'x': found data_offsets [0, 16], expected an ascending range within the 15 data bytes"
        );
    }

    [Test]
    public void Bytes_that_belong_to_no_tensor_are_refused()
    {
        Refuses(
            Bytes("""{"x":{"dtype":"F32","shape":[4],"data_offsets":[0,16]}}""", dataBytes: 17),
            "found 17 data bytes, expected 16"
        );
    }

    [Test]
    public void Overlapping_tensors_are_refused()
    {
        Refuses(
            Bytes(
                """
                {"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},
                 "b":{"dtype":"F32","shape":[2],"data_offsets":[4,12]}}
                """,
                dataBytes: 12
            ),
            "tensor 'b': found data from byte 4, overlapping tensor 'a', expected data from byte 8"
        );
    }

    [Test]
    public void A_gap_between_tensors_is_refused()
    {
        Refuses(
            Bytes(
                """
                {"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},
                 "b":{"dtype":"F32","shape":[1],"data_offsets":[12,16]}}
                """,
                dataBytes: 16
            ),
            "tensor 'b': found data from byte 12, leaving a gap after tensor 'a', expected data from byte 8"
        );
    }

    [TestCase("[8,0]", "[4]", "ascending range")]
    [TestCase("[0,8]", "[4]", "found 8 bytes, expected 16 bytes for F32 [4]")]
    [TestCase("[0,16]", "[3]", "found 16 bytes, expected 12 bytes for F32 [3]")]
    [TestCase("[0,16]", "[4611686018427387904,4]", "fewer than 2^63 bytes")]
    [TestCase("[0,16]", "[-4]", "integers from 0 to 2^63 - 1")]
    [TestCase("[0,16]", "[4.5]", "integers from 0 to 2^63 - 1")]
    [TestCase("[0,16]", "[99999999999999999999]", "integers from 0 to 2^63 - 1")]
    [TestCase("[0,16,16]", "[4]", "found 3 data_offsets, expected begin and end")]
    [TestCase("\"all\"", "[4]", "not a StartArray")]
    public void Offsets_and_shapes_that_lie_are_refused(string offsets, string shape, string message)
    {
        Refuses(
            Bytes($$$"""{"x":{"dtype":"F32","shape":{{{shape}}},"data_offsets":{{{offsets}}}}}""", dataBytes: 16),
            message
        );
    }

    [TestCase(
        """{"x":{"dtype":"F31","shape":[4],"data_offsets":[0,16]}}""",
        "found dtype F31, expected one of F64, F32"
    )]
    [TestCase("""{"x":{"dtype":"0","shape":[4],"data_offsets":[0,16]}}""", "found dtype 0")]
    [TestCase("""{"x":{"shape":[4],"data_offsets":[0,16]}}""", "tensor 'x': found no dtype")]
    [TestCase("""{"x":{"dtype":"F32","data_offsets":[0,16]}}""", "tensor 'x': found no shape")]
    [TestCase("""{"x":{"dtype":"F32","shape":[4]}}""", "tensor 'x': found no data_offsets")]
    [TestCase("""{"x":{"dtype":"F32","shape":[4],"data_offsets":[0,16],"more":1}}""", "found the key 'more'")]
    [TestCase("""{"x":{"dtype":"F32","dtype":"F32","shape":[4],"data_offsets":[0,16]}}""", "found 'dtype' twice")]
    [TestCase("""{"x":[1,2]}""", "not a StartObject")]
    [TestCase("""{"__metadata__":{"a":1}}""", "'__metadata__.a' is a Number, not a String")]
    [TestCase("""{"__metadata__":{"a":"1","a":"2"}}""", "'__metadata__.a' appears twice")]
    [TestCase("""[1]""", "does not begin with '{'")]
    [TestCase("""{"x":""", "is not valid JSON")]
    [TestCase("""{} {}""", "is not valid JSON")]
    [TestCase("", "does not begin with '{'")]
    public void Headers_that_are_not_headers_are_refused(string header, string message)
    {
        Refuses(Bytes(header, dataBytes: 16), message);
    }

    [Test]
    public void Two_tensors_of_one_name_are_refused()
    {
        Refuses(
            Bytes(
                """
                {"x":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},
                 "x":{"dtype":"F32","shape":[1],"data_offsets":[4,8]}}
                """,
                dataBytes: 8
            ),
            "tensor 'x': found two tensors of this name, expected unique names"
        );
    }

    [Test]
    public void A_header_that_is_no_text_is_refused()
    {
        var bytes = Bytes("{\"????\":{}}", dataBytes: 0);
        bytes.AsSpan(10, 4).Fill(0xFF);

        Refuses(bytes, "the header is not valid JSON");
    }

    // Libtorch multiplies the extents of an empty tensor too, and its operators take 64 of them.
    [TestCase("[0,4611686018427387904,4]", "fewer than 2^63 bytes")]
    [TestCase("[4611686018427387904,4,0]", "fewer than 2^63 bytes")]
    [TestCase("[0,9223372036854775807,9223372036854775807]", "fewer than 2^63 bytes")]
    public void An_empty_shape_that_no_tensor_can_have_is_refused(string shape, string message) =>
        Refuses(Bytes($$$"""{"x":{"dtype":"F32","shape":{{{shape}}},"data_offsets":[0,0]}}""", dataBytes: 0), message);

    [Test]
    public void A_shape_of_more_extents_than_a_tensor_has_is_refused()
    {
        var shape = string.Join(',', Enumerable.Repeat("1", 65));

        Refuses(
            Bytes($$$"""{"x":{"dtype":"F32","shape":[{{{shape}}}],"data_offsets":[0,4]}}""", dataBytes: 4),
            "expected at most 64 extents, not 65"
        );
    }

    [TestCase("dtype")]
    [TestCase("key")]
    [TestCase("metadata")]
    [TestCase("shape")]
    public void No_text_of_a_file_fills_the_message(string where)
    {
        string text = new('n', 100_000);
        var bytes = where switch
        {
            "dtype" => Bytes($$$"""{"x":{"dtype":"{{{text}}}","shape":[4],"data_offsets":[0,16]}}""", dataBytes: 16),
            "key" => Bytes($$$"""{"x":{"dtype":"F32","{{{text}}}":[4],"data_offsets":[0,16]}}""", dataBytes: 16),
            "metadata" => Bytes($$$"""{"__metadata__":{"{{{text}}}":1}}""", dataBytes: 0),
            _ => Bytes(
                $$$"""{"x":{"dtype":"F32","shape":[{{{string.Join(',', Enumerable.Repeat("9", 50_000))}}}],"data_offsets":[0,4]}}""",
                dataBytes: 4
            ),
        };

        var error = Refuses(bytes, "");

        Assert.That(error.Message, Has.Length.LessThan(4000));
    }

    [Test]
    public void A_terminal_obeys_nothing_of_a_message()
    {
        var error = Refuses(
            Bytes("""{"\u001B[2J\u0007":{"dtype":"F31","shape":[4],"data_offsets":[0,16]}}""", dataBytes: 16),
            "tensor '\uFFFD[2J\uFFFD': found dtype F31"
        );

        Assert.That(error.Message.Any(char.IsControl), Is.False);
    }

    [Test]
    public void A_hostile_name_cannot_fill_the_message()
    {
        string name = new('n', 100_000);
        var bytes = Bytes($$$"""{"{{{name}}}":{"dtype":"F31","shape":[4],"data_offsets":[0,16]}}""", dataBytes: 16);

        var error = Refuses(bytes, "found dtype F31");

        Assert.That(error.Message, Has.Length.LessThan(1000));
    }

    private CheckpointException Refuses(byte[] content, string message)
    {
        var file = Path.Combine(folder, "bad.safetensors");
        File.WriteAllBytes(file, content);
        var error = Assert.Throws<CheckpointException>(() => SafetensorsFile.Open(file).Dispose())!;
        using (Assert.EnterMultipleScope())
        {
            Assert.That(error.Message, Does.StartWith(file));
            Assert.That(error.Message, Does.Contain(message));
            Assert.That(error.Message, Does.Not.Contain('\n'));
        }
        return error;
    }

    private string Write(params (string Name, Tensor Tensor)[] tensors)
    {
        var file = Path.Combine(folder, $"{Guid.NewGuid():N}.safetensors");
        SafetensorsWriter.Write(file, tensors.ToDictionary(t => t.Name, t => t.Tensor));
        return file;
    }

    private static byte[] Bytes(string header, int dataBytes, long? headerLength = null)
    {
        var json = Encoding.UTF8.GetBytes(header);
        var bytes = new byte[8 + json.Length + dataBytes];
        BinaryPrimitives.WriteInt64LittleEndian(bytes, headerLength ?? json.Length);
        json.CopyTo(bytes, 8);
        return bytes;
    }
}
