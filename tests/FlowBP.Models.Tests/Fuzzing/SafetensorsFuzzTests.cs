// Safetensors from strangers: the header's JSON, the length before it and the data behind it, each changed alone and together.

using System.Buffers.Binary;
using System.Text;
using FlowBP.Formats;
using FlowBP.Tests.Fuzzing;

namespace FlowBP.Models.Tests.Fuzzing;

public sealed class SafetensorsFuzzTests
{
    private const int Test = 1;

    // A factor for each row of one weight, and one for all of another.
    private const string EightBit = """
        {"a.weight":{"dtype":"F8_E4M3","shape":[2,3],"data_offsets":[0,6]},
         "a.scale_weight":{"dtype":"F32","shape":[2],"data_offsets":[6,14]},
         "b.weight":{"dtype":"F8_E5M2","shape":[6],"data_offsets":[14,20]},
         "b.weight_scale":{"dtype":"F32","shape":[],"data_offsets":[20,24]}}
        """;

    private TemporaryFolder folder = null!;

    [OneTimeSetUp]
    public void CreateFolder() => folder = new();

    [OneTimeTearDown]
    public void DeleteFolder() => folder.Dispose();

    [TestCase("plain", Test)]
    [TestCase("8-bit", Test + 1000)]
    public void Fuzz_safetensors_are_read_or_refused_by_name(string weights, int test)
    {
        var file = folder.Of($"{weights}.safetensors");
        var valid = weights == "plain" ? Valid(file) : With(EightBit, new byte[6 + 8 + 6 + 4]);
        var headerBytes = (int)BinaryPrimitives.ReadInt64LittleEndian(valid);
        var header = Encoding.UTF8.GetString(valid, 8, headerBytes);
        var law = new ReaderLaw(file, typeof(CheckpointException));
        for (var number = 0; number < FuzzCases.Count(); number++)
        {
            var random = FuzzCases.Random(test, number);
            var bytes =
                random.Next(3) == 0
                    ? ByteMutations.Of(valid, random)
                    : With(JsonMutations.Of(header, random), valid.AsSpan(8 + headerBytes));
            File.WriteAllBytes(file, bytes);
            law.Require(number, bytes.Length, () => ReadAll(file));
        }
        law.RequireKept();
    }

    /// <summary>Reads every tensor of a checkpoint; nothing of it may be larger than the file that it is in.</summary>
    internal static void ReadAll(string path)
    {
        using var scope = torch.NewDisposeScope();
        using var source = Checkpoint.Open(path);
        foreach (var (name, tensor) in source.Tensors)
        {
            Assert.That(Path.GetDirectoryName(tensor.File), Is.EqualTo(Path.GetDirectoryName(path)), "an escape");
            Assert.That(tensor.Bytes, Is.InRange(0, 4 * new FileInfo(tensor.File).Length), "8-bit floats grow");
            Assert.That(source.Load(name).shape, Is.EqualTo(tensor.Shape));
        }
    }

    private static byte[] With(string header, ReadOnlySpan<byte> data)
    {
        var json = Encoding.UTF8.GetBytes(header);
        var bytes = new byte[8 + json.Length + data.Length];
        BinaryPrimitives.WriteInt64LittleEndian(bytes, json.Length);
        json.CopyTo(bytes, 8);
        data.CopyTo(bytes.AsSpan(8 + json.Length));
        return bytes;
    }

    private static byte[] Valid(string file)
    {
        using var scope = torch.NewDisposeScope();
        var tensors = new Dictionary<string, Tensor>
        {
            ["block.0.weight"] = torch.arange(6, dtype: ScalarType.Float32).reshape(2, 3),
            ["block.0.bias"] = torch.ones(3, dtype: ScalarType.BFloat16),
            ["ids"] = torch.arange(4, dtype: ScalarType.Int64),
            ["mask"] = torch.zeros(5, dtype: ScalarType.Bool),
            ["scalar"] = torch.tensor(0.5, ScalarType.Float64),
            ["empty"] = torch.zeros(0, 3),
        };
        SafetensorsWriter.Write(file, tensors);
        return File.ReadAllBytes(file);
    }
}
