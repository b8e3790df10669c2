// A program of somebody who references FlowBP.Training and a libtorch. Its numbers are compared with closed forms that are
// computed here, in double.

using System.Buffers.Binary;
using System.Text.Json;

namespace FlowBP.Packages.Tests;

/// <summary>From the packages alone, everything works as it does in the repository.</summary>
public class AligningConsumerTests
{
    private Consumer consumer = null!;
    private Lines lines = null!;

    private string Stored => consumer.PathOf("stored.safetensors");

    [OneTimeSetUp]
    public void Run()
    {
        consumer = new("Aligning");
        consumer.Add("Snippets.cs", ReadmeSnippet.File(PackedSolution.Ids));
        consumer.Build();
        lines = new(consumer.Run(Stored));
    }

    [Test]
    public void Two_steps_of_the_fused_optimizer_are_AdamW_with_clipping_and_a_moving_average()
    {
        double[][] gradients =
        [
            [0.3f, -0.4f, 1.2f],
            [-0.1f, 0.2f, 0.2f],
        ];
        double[] parameter = [1, -2, 3];
        double[] average = [1, -2, 3];
        double[] first = [0, 0, 0];
        double[] second = [0, 0, 0];
        var norms = lines.All("norm").Select(norm => Lines.Parsed(norm).Single()).ToArray();
        Assert.That(norms, Has.Length.EqualTo(2));
        for (var t = 1; t <= 2; t++)
        {
            var norm = Math.Sqrt(gradients[t - 1].Sum(g => g * g));
            Assert.That(norms[t - 1], Is.EqualTo(norm).Within(1e-7));
            var factor = Math.Min(1, 0.65 / (norm + 1e-6));
            for (var i = 0; i < 3; i++)
            {
                var g = factor * gradients[t - 1][i];
                first[i] += 0.1 * (g - first[i]);
                second[i] += 0.001 * ((g * g) - second[i]);
                var corrected = Math.Sqrt(second[i] / (1 - Math.Pow(0.999, t))) + 1e-8;
                parameter[i] *= 1 - (0.1 * 0.01);
                parameter[i] -= 0.1 / (1 - Math.Pow(0.9, t)) * first[i] / corrected;
                average[i] += 0.1 * (parameter[i] - average[i]);
            }
        }
        var found = lines.Numbers("parameter");
        Assert.That(found, Is.EqualTo(parameter).Within(1e-6));
        Assert.That(lines.Numbers("average"), Is.EqualTo(average).Within(1e-6));
        // bfloat16 keeps eight bits.
        Assert.That(lines.Numbers("copy"), Is.EqualTo(found.Select(RoundedToBFloat16)));
    }

    [Test]
    public void A_replay_on_views_of_a_TorchSharp_tensor_is_the_weighted_sum()
    {
        // Elements are numbered from 0 in [2, 3, 2, 2]: states first, then velocities.
        double X(int t, int b, int e) => (((t * 2) + b) * 2) + e;
        double V(int t, int b, int e) => 12 + X(t, b, e);
        double[] expected =
        [
            X(0, 0, 0) - (0.5 * V(0, 0, 0)) - (0.25 * V(2, 0, 0)),
            X(0, 0, 1) - (0.5 * V(0, 0, 1)) - (0.25 * V(2, 0, 1)),
            X(1, 1, 0) + (0.125 * V(1, 1, 0)) + (2 * V(2, 1, 0)),
            X(1, 1, 1) + (0.125 * V(1, 1, 1)) + (2 * V(2, 1, 1)),
        ];
        Assert.That(lines.Numbers("replayed"), Is.EqualTo(expected).Within(1e-12));
    }

    [Test]
    public void The_address_of_a_view_is_the_base_plus_its_offset() =>
        Assert.That(lines.Numbers("view"), Is.EqualTo(new double[] { 3 * 7 * sizeof(double) }));

    [Test]
    public void Tensors_are_read_back_as_they_were_written_and_any_reader_finds_the_same()
    {
        Assert.That(lines.All("stored"), Is.EquivalentTo(new[] { "weight [3, 2] True", "bias [2] True" }));

        var file = File.ReadAllBytes(Stored);
        var headerLength = (int)BinaryPrimitives.ReadInt64LittleEndian(file);
        var header = JsonSerializer.Deserialize<JsonElement>(file.AsSpan(8, headerLength));
        var data = file.AsSpan(8 + headerLength);
        Assert.That(header.GetProperty("weight").GetProperty("dtype").GetString(), Is.EqualTo("F32"));
        Assert.That(header.GetProperty("bias").GetProperty("dtype").GetString(), Is.EqualTo("BF16"));
        var weight = data[Begin(header, "weight")..];
        // Written as [3, 2] of the transposed [2, 3].
        foreach (var (i, value) in new[] { 0f, 3, 1, 4, 2, 5 }.Index())
        {
            Assert.That(BinaryPrimitives.ReadSingleLittleEndian(weight[(4 * i)..]), Is.EqualTo(value));
        }
        var bias = data[Begin(header, "bias")..];
        Assert.That(BinaryPrimitives.ReadUInt16LittleEndian(bias), Is.EqualTo(0x3F00));
        Assert.That(BinaryPrimitives.ReadUInt16LittleEndian(bias[2..]), Is.EqualTo(0xBFA0));
    }

    [Test]
    public void What_is_embedded_in_the_libraries_travels_with_them()
    {
        Assert.That(lines.Numbers("presets")[0], Is.Positive);
        var sources = Directory
            .EnumerateFiles(Path.Combine(PackedSolution.Root, "kernels"), "*.cu")
            .Select(Path.GetFileName);
        Assert.That(lines.One("kernels").Split(' '), Is.SupersetOf(sources));
    }

    [Test]
    public void The_embedded_model_is_missed_with_what_to_do_and_found_where_it_is_put()
    {
        Assert.That(
            lines.One("assets"),
            Does.Contain("not in its packages")
                .And.Contain("assets/shapes beside the program")
                .And.Contain(consumer.PathOf("out"))
        );
        Assert.That(lines.One("given"), Is.EqualTo("True"));
    }

    [TestCase("FlowBP.Torch", "16")]
    [TestCase("FlowBP.Kernels", "-0.5 -3.5")]
    [TestCase("FlowBP.Families", "FLUX.1")]
    [TestCase("FlowBP.Models", "2 to_q")]
    [TestCase("FlowBP.Formats", "True")]
    [TestCase("FlowBP.Pictures", "255 0 0 0 0 255")]
    [TestCase("FlowBP.RandomStreams", "True")]
    [TestCase("FlowBP.Settings", "learning_rate")]
    [TestCase("FlowBP.Shapes", "True")]
    [TestCase("FlowBP.Verification", "True")]
    public void The_snippet_on_a_package_s_page_prints_what_it_says(string id, string expected) =>
        Assert.That(lines.After("readme", id), Is.EqualTo(new[] { expected }));

    private static int Begin(JsonElement header, string name) =>
        header.GetProperty(name).GetProperty("data_offsets")[0].GetInt32();

    private static double RoundedToBFloat16(double value)
    {
        var bits = BitConverter.SingleToUInt32Bits((float)value);
        bits += 0x7FFF + ((bits >> 16) & 1);
        return BitConverter.UInt32BitsToSingle(bits & 0xFFFF_0000);
    }
}
