using FlowBP.Families;
using FlowBP.Models.Prompts;
using FlowBP.Training.Alignment;
using FlowBP.Training.Configuration;
using FlowBP.Training.Pipelines;
using FlowBP.Training.Rewards;

namespace FlowBP.Training.Tests;

/// <summary>Text encoders run as often as there is something new to encode.</summary>
public class EncodedPromptsTests : ShortRunTests
{
    [Test]
    public void The_empty_prompt_is_encoded_once_per_run()
    {
        var config = AlignmentConfig.Resolve([
            new("method", "flowbp-sparse"),
            new("num_active_steps", "2"),
            new("rollout_steps", "3"),
            new("train_batch_size", "2"),
            new("gradient_accumulation_steps", "2"),
            new("cfg_guidance", "3.5"),
            new("output_dir", Folder.Of("run")),
        ]);
        var prompts = new Counting(PromptEncoders.Of(config.Model.Folder));
        using var model = new TextToImage(config.Model with { CpuWorkers = 1 }, prompts: prompts);
        using var reward = RewardFolder.Load(config.Judges.RewardFolder);
        using var trainer = new AlignmentTrainer(config, model, reward, ["a red circle", "a blue square"]);
        trainer.Step(0);
        trainer.Step(1);
        using (torch.NewDisposeScope())
        {
            var noise_BCYX = Noise.Of(model.LatentShape, 2, seed: 5, step: 0);
            model.Painter.Sample(noise_BCYX, model.Painter.Encode(["a red circle", "a green triangle"]), steps: 2);
        }
        using (Assert.EnterMultipleScope())
        {
            Assert.That(prompts.Encoded.Count(prompt => prompt.Length == 0), Is.EqualTo(1));
            Assert.That(prompts.Encoded.Count(prompt => prompt.Length > 0), Is.EqualTo(2 * 2 * 2 + 2));
        }
    }

    [Test]
    public void Without_guidance_the_empty_prompt_is_not_encoded()
    {
        var prompts = new Counting(PromptEncoders.Of(EmbeddedAssets.Model));
        using var model = new TextToImage(ModelFolder.At(EmbeddedAssets.Model, 1), prompts: prompts);
        using var conditioning = model.Painter.Encode(["a red circle"]);
        Assert.That(conditioning.Negative, Is.Null);
        Assert.That(prompts.Encoded, Is.EqualTo(new[] { "a red circle" }));
    }

    // Keeps every prompt that is encoded.
    private sealed class Counting(IPromptSource inner) : IPromptSource
    {
        public List<string> Encoded { get; } = [];

        public IReadOnlyDictionary<string, Tensor> Encode(IReadOnlyList<string> prompts)
        {
            Encoded.AddRange(prompts);
            return inner.Encode(prompts);
        }

        public void To(Device device) => inner.To(device);

        public void Dispose() => inner.Dispose();
    }
}
