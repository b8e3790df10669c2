using FlowBP.Formats;
using FlowBP.Settings;
using FlowBP.Training.Configuration;
using FlowBP.Training.Devices;
using FlowBP.Training.Pipelines;
using FlowBP.Training.Runs;

namespace FlowBP.Training.Tests;

/// <summary>What a model reads and computes in is chosen by settings, and what does not belong to it is refused.</summary>
public class ModelSettingsTests : ShortRunTests
{
    private const string TooLong =
        "a red circle and a blue square and a green triangle and a red circle and a blue square and a green triangle";

    [Test]
    public void What_only_paints_in_a_narrow_type_keeps_no_masters()
    {
        using var painting = Choice(("compute_dtype", "bfloat16")).Open(ComputeDevice.Cpu, [Prompt]);
        Assert.That(painting.Masters, Is.Null);
        Assert.That(
            painting.Model.Transformer.parameters().Select(parameter => parameter.dtype),
            Is.All.EqualTo(ScalarType.BFloat16)
        );
        var config = AlignmentConfig.Resolve([new("compute_dtype", "bfloat16")]);
        using var training = config.Model.Open(ComputeDevice.Cpu, [Prompt], training: config.Training);
        Assert.That(training.Masters, Is.Not.Null);
    }

    [Test]
    public void Stored_embeddings_give_the_loss_of_the_encoders_themselves()
    {
        var prompts = Prompts();
        Embed(EmbeddedAssets.Model, prompts);
        var encoded = Align(("prompts", prompts), ("eval_prompts", prompts));
        var stored = Align(
            ("prompts", prompts),
            ("eval_prompts", prompts),
            ("prompt_embeds", Folder.Of("embeddings")),
            ("output_dir", Folder.Of("stored"))
        );
        Assert.That(stored.Surrogate.Loss, Is.EqualTo(encoded.Surrogate.Loss).Within(1e-5));
        Assert.That(stored.GradNorm, Is.EqualTo(encoded.GradNorm).Within(0.1).Percent);
        Assert.That(
            Painted(Choice(("prompt_embeds", Folder.Of("embeddings")))),
            Is.EqualTo(Painted(Choice())).Within(1e-4)
        );
    }

    [Test]
    public void Embeddings_of_another_model_or_without_a_prompt_are_refused_by_name()
    {
        var other = Folder.Of("other");
        Copy(EmbeddedAssets.Model, other);
        var config = Path.Combine(other, "text_encoder", "config.json");
        File.WriteAllText(
            config,
            File.ReadAllText(config).Replace("\"layer_norm_eps\": 1E-05", "\"layer_norm_eps\": 1E-06")
        );
        Embed(other, Prompts());
        Assert.That(
            () => Choice(("prompt_embeds", Folder.Of("embeddings"))).Open(ComputeDevice.Cpu, [Prompt]),
            Throws
                .TypeOf<CheckpointException>()
                .With.Message.Contains("does not belong to this model: found another configuration of text_encoder")
        );
        Assert.That(
            () =>
                Choice(("model", other), ("prompt_embeds", Folder.Of("embeddings")))
                    .Open(ComputeDevice.Cpu, ["a photo of nothing"]),
            Throws.TypeOf<CheckpointException>().With.Message.Contains("a photo of nothing")
        );
    }

    [Test]
    public void Prompts_that_are_too_long_are_one_notice()
    {
        using var model = Choice().Open(ComputeDevice.Cpu, [Prompt, TooLong, TooLong + " too", TooLong], Notices.Add);
        Assert.That(Notices, Has.Count.EqualTo(1));
        Assert.That(
            Notices[0],
            Does.Match(
                "^2 of 3 prompts are truncated, the first is 'a red circle.*…': CLIP takes 16 of its [0-9]+ tokens$"
            )
        );
        using var again = Choice().Open(ComputeDevice.Cpu, [Prompt], Notices.Add);
        Assert.That(Notices, Has.Count.EqualTo(1));
    }

    private string Prompts() =>
        Folder.Write("prompts.txt", $"{Prompt}\na photo of two blue squares\na photo of a green triangle");

    private void Embed(string model, string prompts) =>
        new EmbedRun(
            EmbedSettings.Table.Bind(
                "embed",
                new Dictionary<string, string>
                {
                    ["model"] = model,
                    ["prompts"] = prompts,
                    ["output"] = Folder.Of("embeddings"),
                    ["dtype"] = "fp32",
                    ["device"] = "cpu",
                }
            ),
            (_, _) => { },
            Notices.Add
        ).Execute();

    private static void Copy(string from, string to)
    {
        foreach (var file in Directory.EnumerateFiles(from, "*", SearchOption.AllDirectories))
        {
            var copy = Path.Combine(to, Path.GetRelativePath(from, file));
            Directory.CreateDirectory(Path.GetDirectoryName(copy)!);
            File.Copy(file, copy);
        }
    }

    [TestCase("1")]
    [TestCase("5000")]
    public void A_length_that_the_encoders_cannot_have_is_the_settings_mistake(string length)
    {
        foreach (
            var open in new Action[]
            {
                () => Choice(("max_sequence_length", length)).Open(ComputeDevice.Cpu, [Prompt]).Dispose(),
                () => Align(("max_sequence_length", length)),
            }
        )
        {
            Assert.That(
                open,
                Throws
                    .TypeOf<ConfigurationException>()
                    .With.Message.StartsWith($"max_sequence_length: found {length}, expected")
            );
        }
        Assert.That(Folder.Of("run"), Does.Not.Exist);
    }

    [TestCase("none")]
    [TestCase("1000")]
    public void Blocks_that_a_network_does_not_keep_are_the_settings_mistake(string checkpointing)
    {
        Assert.That(
            () => Align(("reuse_rollout_blocks", "on"), ("gradient_checkpointing", checkpointing)),
            Throws.TypeOf<InvalidSettingException>().With.Message.StartsWith("reuse_rollout_blocks is on")
        );
        Assert.That(Folder.Of("run"), Does.Not.Exist);
        Assert.That(
            Align(("reuse_rollout_blocks", "on"), ("gradient_checkpointing", "blocks")).GradNorm,
            Is.GreaterThan(0)
        );
    }
}
