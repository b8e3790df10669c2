// What is refused half-way leaves nothing behind: the networks that were read by then are given back at once, not when the collector
// thinks of it. Counted in handles of tensors that the collector had to free; TorchSharp's norms leave it a few even where a network
// is disposed, so a failure is held against a whole model that was opened and disposed.

using FlowBP.Families;
using FlowBP.Formats;
using FlowBP.Training.Optimization;
using FlowBP.Training.Pipelines;

namespace FlowBP.Training.Tests;

[NonParallelizable]
public sealed class FailedLoadTests
{
    private TemporaryFolder folder = null!;

    [SetUp]
    public void Open() => folder = new();

    [TearDown]
    public void Close() => folder.Dispose();

    private static IEnumerable<string> Families => TinyModels.Writers.Keys;

    [Test]
    public void A_folder_whose_part_does_not_fit_leaves_no_network(
        [ValueSource(nameof(Families))] string family,
        [Values("transformer", "vae")] string part
    )
    {
        TinyModels.Writers[family](folder.Of("model"));
        var whole = LeftTensors.By(() => Tiny().Dispose());
        Damage(folder.Of($"model/{part}/diffusion_pytorch_model.safetensors"));

        Assert.That(
            LeftTensors.By(() => Assert.That(() => Tiny(), Throws.TypeOf<CheckpointException>())),
            Is.LessThanOrEqualTo(whole)
        );
    }

    [Test]
    public void An_adapter_that_does_not_fit_leaves_no_network()
    {
        TinyModels.Writers.First().Value(folder.Of("model"));
        using (torch.NewDisposeScope())
        {
            SafetensorsWriter.Write(
                folder.Of("lora.safetensors"),
                new Dictionary<string, Tensor>
                {
                    ["transformer.transformer_blocks.0.attn.to_q.lora_A.weight"] = torch.zeros(2, 16),
                    ["transformer.transformer_blocks.0.attn.to_q.lora_B.weight"] = torch.full([16, 2], float.NaN),
                }
            );
        }
        var whole = LeftTensors.By(() => Tiny().Dispose());

        Assert.That(
            LeftTensors.By(() =>
                Assert.That(() => Tiny(folder.Of("lora.safetensors")), Throws.TypeOf<CheckpointException>())
            ),
            Is.LessThanOrEqualTo(whole)
        );
    }

    [Test]
    public void What_was_read_before_a_text_encoder_that_fails_is_given_back()
    {
        foreach (var file in Directory.EnumerateFiles(EmbeddedAssets.Model, "*", SearchOption.AllDirectories))
        {
            var copy = folder.Of(Path.Combine("model", Path.GetRelativePath(EmbeddedAssets.Model, file)));
            Directory.CreateDirectory(Path.GetDirectoryName(copy)!);
            File.Copy(file, copy);
        }
        var wholeModel = LeftTensors.By(() => new TextToImage(ModelFolder.At(folder.Of("model"), 2)).Dispose());
        var wholeEncoder = LeftTensors.By(() => PromptEncoders.FromFolder(folder.Of("model")).Dispose());
        Damage(folder.Of("model/text_encoder/model.safetensors"));

        Assert.That(
            LeftTensors.By(() =>
                Assert.That(
                    () => new TextToImage(ModelFolder.At(folder.Of("model"), 2)),
                    Throws.TypeOf<CheckpointException>()
                )
            ),
            Is.LessThanOrEqualTo(wholeModel)
        );
        Assert.That(
            LeftTensors.By(() =>
                Assert.That(() => PromptEncoders.FromFolder(folder.Of("model")), Throws.TypeOf<CheckpointException>())
            ),
            Is.LessThanOrEqualTo(wholeEncoder)
        );
    }

    [Test]
    public void An_optimizer_that_refuses_a_parameter_leaves_no_moments()
    {
        using var scope = torch.NewDisposeScope();
        (string, Parameter)[] parameters =
        [
            ("first", nn.Parameter(torch.zeros(4))),
            ("second", nn.Parameter(torch.zeros(3))),
            ("third", nn.Parameter(torch.zeros([2], ScalarType.BFloat16))),
        ];
        var copies = new Dictionary<string, Tensor> { ["second"] = torch.zeros([3], ScalarType.Float32) };

        Assert.That(
            LeftTensors.By(() =>
                Assert.That(
                    () => new FusedAdamW(parameters, new(), new ScalarLatentKernels()),
                    Throws.ArgumentException.With.Message.Contains("BFloat16")
                )
            ),
            Is.Zero
        );
        Assert.That(
            LeftTensors.By(() =>
                Assert.That(
                    () => new FusedAdamW(parameters[..2], new(), new ScalarLatentKernels(), copies),
                    Throws.ArgumentException.With.Message.Contains("the copy of second")
                )
            ),
            Is.Zero
        );
    }

    private TextToImage Tiny(string? adapter = null) =>
        new(ModelFolder.At(folder.Of("model"), 2) with { LoraWeights = adapter }, prompts: new TinyModels.Prompts());

    // The last tensor's last value becomes no number.
    private static void Damage(string file)
    {
        using var stream = new FileStream(file, FileMode.Open);
        stream.Seek(-4, SeekOrigin.End);
        stream.Write(BitConverter.GetBytes(float.NaN));
    }
}
