using System.Text;
using System.Text.Json.Nodes;
using FlowBP.Training;

namespace FlowBP.Cli.Tests;

/// <summary>What overflows on its way to a picture or a score is a failure with a name, not a black picture.</summary>
public class NotFiniteTests
{
    private const string Prompt = "a photo of a red circle";

    private TemporaryFolder folder = null!;

    [SetUp]
    public void CreateFolder() => folder = new();

    [TearDown]
    public void DeleteFolder() => folder.Dispose();

    [Test]
    public void A_picture_that_is_not_finite_is_not_painted()
    {
        var model = Overflowing(EmbeddedAssets.Model, "vae/diffusion_pytorch_model.safetensors");
        var failure = CommandRun
            .Of("sample", "--model", model, "--prompt", Prompt, "--sampling_steps", "1", "--output_dir", Output)
            .AssertFailure();
        Assert.That(failure, Does.Contain($"picture of \"{Prompt}\" is not finite").And.Contains("autoencoder"));
        Assert.That(Directory.GetFiles(Output), Is.Empty);
    }

    [TestCase("--reward")]
    [TestCase("--heldout_reward")]
    public void A_judge_that_is_not_finite_is_named(string option)
    {
        var judge = Overflowing(EmbeddedAssets.Reward, "model.safetensors");
        var prompts = folder.Write("prompts.txt", Prompt + "\n");
        string[] shared =
        [
            "--eval_prompts",
            prompts,
            option,
            judge,
            "--sampling_steps",
            "1",
            "--device",
            "cpu",
            "--output_dir",
            Output,
        ];
        foreach (var command in new[] { "evaluate", "align" })
        {
            var failure = CommandRun.Of([command, .. shared]).AssertFailure();
            Assert.That(failure, Does.Contain(Prompt).And.Contains("is not finite"), command);
            Assert.That(failure, Does.Contain($"the reward {Path.GetFileName(judge)}"), command);
            Assert.That(Directory.Exists(Output), Is.False, command);
        }
    }

    private string Output => Path.Combine(folder.Path, "out");

    // A copy in which every number of a file is about 8e37: finite, so that it loads, and too much for any sum.
    private string Overflowing(string source, string file)
    {
        var copy = Path.Combine(folder.Path, "copy");
        foreach (var path in Directory.EnumerateFiles(source, "*", SearchOption.AllDirectories))
        {
            var target = Path.Combine(copy, Path.GetRelativePath(source, path));
            Directory.CreateDirectory(Path.GetDirectoryName(target)!);
            File.Copy(path, target);
        }
        var weights = Path.Combine(copy, file);
        File.WriteAllBytes(weights, Overflowing(File.ReadAllBytes(weights)));
        return copy;
    }

    // Tensors of Float16 become Float32, which has room for such numbers.
    private static byte[] Overflowing(byte[] safetensors)
    {
        var length = (int)BitConverter.ToInt64(safetensors);
        var header = JsonNode.Parse(safetensors.AsSpan(sizeof(long), length))!.AsObject();
        foreach (var (name, tensor) in header.Where(entry => entry.Key != "__metadata__"))
        {
            Assert.That(tensor!["dtype"]!.GetValue<string>(), Is.EqualTo("F16"), name);
            tensor["dtype"] = "F32";
            tensor["data_offsets"] = new JsonArray([
                .. tensor["data_offsets"]!.AsArray().Select(offset => (JsonNode)(2 * offset!.GetValue<long>())),
            ]);
        }
        var text = Encoding.UTF8.GetBytes(header.ToJsonString());
        var data = new byte[2 * (safetensors.Length - sizeof(long) - length)];
        data.AsSpan().Fill(0x7E);
        return [.. BitConverter.GetBytes((long)text.Length), .. text, .. data];
    }
}
