// What a training step needs, of a configuration: its model on one thread, its reward and its prompts.

using FlowBP.Training.Alignment;
using FlowBP.Training.Configuration;
using FlowBP.Training.Pipelines;
using FlowBP.Training.Rewards;

namespace FlowBP.Training.Tests;

/// <summary>A trainer with the model that it trains.</summary>
internal sealed class OpenTrainer : IDisposable
{
    private readonly IImageReward reward;

    /// <summary>Opens them.</summary>
    /// <param name="config">The configuration.</param>
    /// <param name="training">How the model is to be trained; null: as one without settings is.</param>
    public OpenTrainer(AlignmentConfig config, TrainingSettings? training = null)
    {
        Model = new TextToImage(config.Model with { CpuWorkers = 1 }, training);
        reward = RewardFolder.Load(config.Judges.RewardFolder);
        Trainer = new AlignmentTrainer(config, Model, reward, PromptFile.Read(config.Prompts));
    }

    /// <summary>The model.</summary>
    public TextToImage Model { get; }

    /// <summary>The trainer.</summary>
    public AlignmentTrainer Trainer { get; }

    /// <inheritdoc/>
    public void Dispose()
    {
        Trainer.Dispose();
        reward.Dispose();
        Model.Dispose();
    }
}
