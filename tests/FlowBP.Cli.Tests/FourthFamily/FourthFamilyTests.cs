using System.Text.Json.Nodes;
using FlowBP.Families;
using FlowBP.Formats;
using FlowBP.Surrogates;
using FlowBP.Training;

namespace FlowBP.Cli.Tests.FourthFamily;

/// <summary>A family that is one folder (this one) and one registration works with every command.</summary>
public class FourthFamilyTests
{
    private static readonly string[] s_short =
    [
        "--max_train_steps=2",
        "--learning_rate=0.2",
        "--ema_decay=0",
        "--train_batch_size=2",
        "--rollout_steps=4",
        "--sampling_steps=2",
        "--eval_prompts_limit=2",
        "--eval_images_per_prompt=1",
        "--device=cpu",
        "--cpu_workers=1",
        "--seed=5",
    ];

    private TemporaryFolder folder = null!;

    private string Model => Path.Combine(folder.Path, "model");

    [OneTimeSetUp]
    public void Register() => ModelFamilies.Register(WaveFamily.Registration);

    [SetUp]
    public void WriteModel()
    {
        folder = new();
        var from = new DiffusersFolder(EmbeddedAssets.Model);
        foreach (var part in new[] { "scheduler", "text_encoder", "tokenizer", "vae" })
        {
            Directory.CreateDirectory(Path.Combine(Model, part));
            foreach (var file in Directory.EnumerateFiles(Path.Combine(from.Root, part)))
            {
                File.Copy(file, Path.Combine(Model, part, Path.GetFileName(file)));
            }
        }
        var index = JsonNode.Parse(File.ReadAllText(from.Index))!.AsObject();
        index["_class_name"] = WaveFamily.Pipeline;
        index["transformer"] = new JsonArray("waves", nameof(WaveTransformer));
        File.WriteAllText(Path.Combine(Model, "model_index.json"), index.ToJsonString());

        var sizes = JsonNode.Parse(File.ReadAllText(Path.Combine(from.Transformer, "config.json")))!;
        var config = new WaveConfig(
            (int)sizes["in_channels"]!,
            Width: 12,
            NumLayers: 3,
            (int)sizes["pooled_projection_dim"]!,
            (int)sizes["joint_attention_dim"]!
        );
        using var scope = torch.NewDisposeScope();
        using var network = new WaveTransformer(config);
        using (torch.no_grad())
        {
            foreach (var (i, parameter) in network.parameters().Index())
            {
                var values = torch.linspace(i, i + (0.7 * parameter.numel()), parameter.numel()).sin() * 0.3;
                parameter.copy_(values.reshape(parameter.shape));
            }
        }
        ModuleFolder.WriteNetwork(Path.Combine(Model, "transformer"), config.ToJson(), network);
    }

    [TearDown]
    public void Remove() => folder.Dispose();

    [Test]
    public void Its_network_is_its_embedding_blocks_and_head()
    {
        using var scope = torch.NewDisposeScope();
        using var model = StoredModel.Load(Model);
        var network = (WaveTransformer)model.Transformer;
        var x_BCYX = torch.linspace(-1, 1, 2 * network.Config.InChannels * 6).reshape(2, -1, 2, 3);
        var sigma_B = torch.tensor(new[] { 0.3f, 0.8f });
        var conditioning = model.Condition(model.Prompts.Encode(["a photo of a red circle", ""]));
        var whole_BLC = network.call(network.Input(x_BCYX, sigma_B, conditioning, guidance: 1));

        var field = new BlockwiseVelocityField(model.Blockwise(1));
        var velocity_BCYX = field.Evaluate(x_BCYX, sigma_B, conditioning);

        var expected = Models.Transformers.LatentTokens.Unpack(whole_BLC, 2, 3).data<float>().ToArray();
        Assert.That(velocity_BCYX.data<float>().ToArray(), Is.EqualTo(expected).Within(1e-6f));
    }

    [Test]
    public void It_is_aligned_stored_and_painted_from()
    {
        var run = Path.Combine(folder.Path, "run");
        var aligned = CommandRun.Of(["align", "--model", Model, "--output_dir", run, .. s_short]);
        Assert.That(aligned.ExitCode, Is.Zero, aligned.Error);

        var stored = Path.Combine(run, "model");
        using (var before = Checkpoint.Open(Path.Combine(Model, "transformer")))
        using (var after = Checkpoint.Open(Path.Combine(stored, "transformer")))
        using (torch.NewDisposeScope())
        {
            Assert.That(after.Tensors.Keys, Is.EquivalentTo(before.Tensors.Keys));
            var change = (after.Load("blocks.0.proj_in.weight") - before.Load("blocks.0.proj_in.weight")).abs().max();
            Assert.That(change.item<float>(), Is.GreaterThan(0));
        }
        Assert.That(
            File.ReadAllBytes(Path.Combine(stored, "vae", "config.json")),
            Is.EqualTo(File.ReadAllBytes(Path.Combine(Model, "vae", "config.json")))
        );
        Assert.That(Painted("before", "--model", Model), Is.Not.EqualTo(Painted("after", "--model", stored)));
    }

    [Test]
    public void An_adapter_is_trained_and_used()
    {
        var run = Path.Combine(folder.Path, "run");
        var aligned = CommandRun.Of(["align", "--model", Model, "--output_dir", run, "--lora_rank=2", .. s_short]);
        Assert.That(aligned.ExitCode, Is.Zero, aligned.Error);
        using (var adapter = Checkpoint.Open(Path.Combine(run, "lora")))
        {
            // Two factors of proj_in and gate in each of three blocks.
            Assert.That(adapter.Tensors, Has.Count.EqualTo(12));
        }
        Assert.That(
            Painted("with", "--model", Model, "--lora_weights", Path.Combine(run, "lora")),
            Is.Not.EqualTo(Painted("without", "--model", Model))
        );
    }

    [Test]
    public void Its_prompts_are_embedded_and_painted_from()
    {
        var prompts = folder.Write("prompts.txt", "a photo of a red circle\n");
        var output = Path.Combine(folder.Path, "embeddings");
        var embedded = CommandRun.Of(
            "embed",
            "--model",
            Model,
            "--prompts",
            prompts,
            "--output",
            output,
            "--dtype=fp32"
        );
        Assert.That(embedded.ExitCode, Is.Zero, embedded.Error);
        Assert.That(
            Painted("stored", "--model", Model, "--prompt_embeds", output),
            Is.EqualTo(Painted("encoded", "--model", Model))
        );
    }

    [Test]
    public void It_is_inspected_and_planned()
    {
        var inspected = CommandRun.Of("inspect", "--config", Path.Combine(Model, "transformer"), "--json");
        Assert.That(inspected.ExitCode, Is.Zero, inspected.Error);
        Assert.That(inspected.Output, Does.Contain(nameof(WaveTransformer)).And.Contain("blocks.2.gate.weight"));

        var planned = CommandRun.Of("plan", "--model", Model, "--reward=embedded");
        Assert.That(planned.ExitCode, Is.Zero, planned.Error);
        Assert.That(planned.Output, Does.Contain(WaveFamily.Pipeline));
    }

    [Test]
    public void A_second_family_of_its_name_is_refused() =>
        Assert.That(
            () => ModelFamilies.Register(WaveFamily.Registration),
            Throws.ArgumentException.With.Message.Contains("the name waves")
        );

    private byte[] Painted(string name, params string[] options)
    {
        var output = Path.Combine(folder.Path, name);
        var run = CommandRun.Of([
            "sample",
            "--prompt=a photo of a red circle",
            "--num_images_per_prompt=1",
            "--sampling_steps=2",
            "--device=cpu",
            "--seed=3",
            "--output_dir",
            output,
            .. options,
        ]);
        Assert.That(run.ExitCode, Is.Zero, run.Error);
        return File.ReadAllBytes(Path.Combine(output, "0000-00.png"));
    }
}
