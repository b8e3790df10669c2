// 8-bit weights are widened exactly, and multiplied by the factors beside them in every spelling.

using System.Buffers.Binary;
using System.Text;
using FlowBP.Formats;

namespace FlowBP.Models.Tests;

public sealed class EightBitWeightsTests
{
    private TemporaryFolder folder = null!;

    [SetUp]
    public void CreateFolder() => folder = new TemporaryFolder();

    [TearDown]
    public void DeleteFolder() => folder.Dispose();

    [Test]
    public void Every_E4M3_value_is_its_sign_exponent_and_fraction()
    {
        using var scope = torch.NewDisposeScope();
        var values = AllBytes("F8_E4M3");
        for (var bits = 0; bits < 256; bits++)
        {
            var exponent = (bits >> 3) & 15;
            var fraction = (bits & 7) / 8.0;
            var magnitude = exponent == 0 ? Math.Pow(2, -6) * fraction : Math.Pow(2, exponent - 7) * (1 + fraction);
            var expected =
                (bits & 127) == 127 ? double.NaN
                : bits < 128 ? magnitude
                : -magnitude;
            Assert.That((double)values[bits], Is.EqualTo(expected), $"{bits:X2}");
        }
        // The largest number of the format, and the smallest above zero.
        Assert.That((values[0x7E], values[0x01]), Is.EqualTo((448f, (float)Math.Pow(2, -9))));
    }

    [Test]
    public void Every_E5M2_value_is_the_half_whose_upper_byte_it_is()
    {
        using var scope = torch.NewDisposeScope();
        var values = AllBytes("F8_E5M2");
        for (var bits = 0; bits < 256; bits++)
        {
            Assert.That(
                values[bits],
                Is.EqualTo((float)BitConverter.UInt16BitsToHalf((ushort)(bits << 8))),
                $"{bits:X2}"
            );
        }
    }

    [Test]
    public void A_NaN_among_weights_is_refused()
    {
        using var layer = nn.Linear(2, 1, hasBias: false);
        Write(("weight", "F8_E4M3", [1, 2], [0x38, 0x7F]));
        Assert.That(
            () => WithPrefix("layer", layer),
            Throws.TypeOf<CheckpointException>().With.Message.Contains("'layer.weight'").And.Message.Contains("NaN")
        );
    }

    // 0x38 is 1, 0x40 is 2, 0xC8 is −4, 0x30 is 0.5 in E4M3.
    [TestCase("scale_weight", "scale_input")]
    [TestCase("weight_scale", "input_scale")]
    public void A_weight_is_multiplied_by_its_factor_in_either_spelling(string factor, string input)
    {
        using var layer = nn.Linear(2, 2);
        Write(
            ("weight", "F8_E4M3", [2, 2], [0x38, 0x40, 0xC8, 0x30]),
            ("bias", "F32", [2], [.. Floats(1, -1)]),
            (factor, "F32", [], [.. Floats(0.75f)]),
            (input, "F32", [], [.. Floats(3)]),
            ("scaled_fp8", "F8_E4M3", [2], [0, 0])
        );
        WithPrefix("layer", layer);

        using (Assert.EnterMultipleScope())
        {
            Assert.That(Values(layer.weight!), Is.EqualTo(new[] { 0.75f, 1.5f, -3f, 0.375f }));
            Assert.That(Values(layer.bias!), Is.EqualTo(new[] { 1f, -1f }));
        }
    }

    [Test]
    public void There_may_be_one_factor_per_row()
    {
        using var layer = nn.Linear(2, 2, hasBias: false);
        Write(
            ("weight", "F8_E4M3", [2, 2], [0x38, 0x40, 0xC8, 0x30]),
            ("weight_scale", "F32", [2, 1], [.. Floats(2, 10)])
        );
        WithPrefix("layer", layer);

        Assert.That(Values(layer.weight!), Is.EqualTo(new[] { 2f, 4f, -40f, 5f }));
    }

    [TestCase("weight_scale", new long[] { 3 }, "one factor for")]
    [TestCase("other.weight_scale", new long[] { }, "without 'layer.other.weight'")]
    public void A_factor_that_fits_no_weight_is_named(string name, long[] shape, string message)
    {
        using var layer = nn.Linear(2, 2, hasBias: false);
        var count = shape.Aggregate(1L, (n, extent) => n * extent);
        Write(
            ("weight", "F8_E4M3", [2, 2], [0x38, 0x40, 0xC8, 0x30]),
            (name, "F32", shape, [.. Floats([.. Enumerable.Repeat(1f, (int)count)])])
        );
        Assert.That(
            () => WithPrefix("layer", layer),
            Throws.TypeOf<CheckpointException>().With.Message.Contains(message)
        );
    }

    [TestCase("weight.quant_state.bitsandbytes__nf4", "bitsandbytes (nf4)")]
    [TestCase("weight_scale_inv", "in blocks")]
    [TestCase("weight_scale_2", "nvfp4")]
    [TestCase("qweight", "GPTQ or AWQ")]
    public void Packed_weights_are_named_by_what_packed_them(string tensor, string kind)
    {
        Write((tensor, "U8", [1], [0]));
        Assert.That(
            () => Checkpoint.Open(folder.Of("w.safetensors")),
            Throws.TypeOf<CheckpointException>().With.Message.Contains(kind).And.Message.Contains("not read here")
        );
    }

    private float[] AllBytes(string type)
    {
        Write(("weight", type, [256], [.. Enumerable.Range(0, 256).Select(i => (byte)i)]));
        using var source = Checkpoint.Open(folder.Of("w.safetensors"));
        return Values(source.Load("layer.weight").to_type(ScalarType.Float32));
    }

    private void WithPrefix(string prefix, Linear layer)
    {
        using var weights = new RenamedCheckpoint(
            Checkpoint.Open(folder.Of("w.safetensors")),
            name => name[(prefix.Length + 1)..]
        );
        Checkpoint.LoadInto(layer, weights);
    }

    private static byte[] Floats(params float[] values) => [.. values.SelectMany(BitConverter.GetBytes)];

    private void Write(params (string Name, string Type, long[] Shape, byte[] Bytes)[] tensors)
    {
        var header = new StringBuilder("{");
        var position = 0;
        foreach (var (name, type, shape, bytes) in tensors)
        {
            var full = name == "scaled_fp8" ? name : $"layer.{name}";
            header.Append(
                $"{(position == 0 && header.Length == 1 ? "" : ",")}\"{full}\":{{\"dtype\":\"{type}\",\"shape\":[{string.Join(',', shape)}],"
                    + $"\"data_offsets\":[{position},{position + bytes.Length}]}}"
            );
            position += bytes.Length;
        }
        var json = Encoding.UTF8.GetBytes(header.Append('}').ToString());
        var length = new byte[8];
        BinaryPrimitives.WriteInt64LittleEndian(length, json.Length);
        File.WriteAllBytes(
            folder.Of("w.safetensors"),
            [.. length, .. json, .. tensors.SelectMany(tensor => tensor.Bytes)]
        );
    }
}
