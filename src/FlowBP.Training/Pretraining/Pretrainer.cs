// The stages of pretraining and the folder they leave behind: a diffusers model folder, two reward folders, the prompts.
// A stage that already left its folder is skipped, so an interrupted run goes on where it stopped.

using FlowBP.Families;
using FlowBP.Families.SD3;
using FlowBP.Formats;
using FlowBP.Models.Autoencoders;
using FlowBP.Models.Clip;
using FlowBP.Models.Schedulers;
using FlowBP.Models.Tokenizers;
using FlowBP.Shapes;
using FlowBP.Surrogates;
using FlowBP.Training.Devices;

namespace FlowBP.Training.Pretraining;

/// <summary>Trains the embedded model and its rewards, stage by stage.</summary>
/// <param name="recipe">Sizes, steps, rates, seed.</param>
/// <param name="folder">Where model/, reward/, heldout_reward/ and prompts/ go.</param>
/// <param name="report">Receives the progress.</param>
public sealed class Pretrainer(PretrainRecipe recipe, string folder, Action<PretrainingProgress> report)
{
    // Half the size of float32, and exact to three digits more than the latents need.
    private const ScalarType Storage = ScalarType.Float16;

    private readonly DiffusersFolder model = new(Path.Combine(folder, "model"));

    /// <summary>The stages, in order.</summary>
    public static IReadOnlyList<string> Stages { get; } = ["prompts", "autoencoder", "flow", "reward", "heldout"];

    private string RewardFolder => Path.Combine(folder, "reward");

    private string HeldOutRewardFolder => Path.Combine(folder, "heldout_reward");

    private string PromptsFolder => Path.Combine(folder, "prompts");

    /// <summary>Runs one stage, unless what it leaves is already there.</summary>
    /// <param name="stage">One of <see cref="Stages"/>.</param>
    /// <returns>Whether it ran.</returns>
    /// <exception cref="ArgumentException">There is no such stage.</exception>
    /// <exception cref="CheckpointException">An earlier stage's folder is missing or damaged.</exception>
    public bool Run(string stage)
    {
        (string Left, Action Run) work = stage switch
        {
            "prompts" => (Path.Combine(PromptsFolder, "heldout.txt"), () => PromptSets.Write(PromptsFolder)),
            "autoencoder" => (Path.Combine(model.Vae, "config.json"), RunAutoencoder),
            "flow" => (Path.Combine(model.Root, "model_index.json"), RunFlow),
            "reward" => (Path.Combine(RewardFolder, "config.json"), RunReward),
            "heldout" => (Path.Combine(HeldOutRewardFolder, "config.json"), RunHeldOutReward),
            _ => throw new ArgumentException($"no stage '{stage}' (there are: {string.Join(", ", Stages)})"),
        };
        if (File.Exists(work.Left))
        {
            return false;
        }
        work.Run();
        return true;
    }

    private void RunAutoencoder()
    {
        using var workers = Workers();
        using var autoencoder = AutoencoderPretraining.Run(recipe, workers, report);
        ModuleFolder.WriteNetwork(model.Vae, autoencoder.Config.ToJson(), autoencoder, Storage);
    }

    private void RunFlow()
    {
        using var workers = Workers();
        using var autoencoder = AutoencoderKL.FromFolder(model.Vae);
        var tokenizer = WriteTokenizer(model.Tokenizer());
        var (transformer, textEncoder) = new FlowPretraining(recipe, autoencoder, tokenizer.Tokenize, workers).Run(
            PretrainRecipe.TextConfig(tokenizer.VocabularySize, tokenizer.StartId, tokenizer.EndId),
            report
        );
        using var made = new FlowModel(
            ModelFamilies.SD35,
            transformer,
            autoencoder,
            new FlowMatchEulerConfig { Shift = 1 },
            new SD3PromptEncoder(
                [new TextTower(tokenizer, model.Tokenizer(), textEncoder)],
                null,
                transformer.TextWidth
            )
        );
        made.Save(model.Root, Storage);
    }

    private void RunReward()
    {
        var tokenizer = WriteTokenizer(Path.Combine(RewardFolder, "tokenizer"));
        using var reward = new RewardPretraining(recipe, tokenizer.Tokenize).RunContrastive(
            PretrainRecipe.RewardConfig(tokenizer.VocabularySize),
            report
        );
        ModuleFolder.WriteTextEncoder(RewardFolder, reward.Config.ToJson(), reward, Storage);
    }

    private void RunHeldOutReward()
    {
        using var workers = Workers();
        var tokenizer = WriteTokenizer(Path.Combine(HeldOutRewardFolder, "tokenizer"));
        using var reward = new RewardPretraining(recipe, tokenizer.Tokenize).RunMatching(
            PretrainRecipe.HeldOutRewardConfig(tokenizer.VocabularySize),
            workers,
            report
        );
        ModuleFolder.WriteTextEncoder(HeldOutRewardFolder, reward.Config.ToJson(), reward, Storage);
    }

    // One per stage: a stage without them has the threads of the matrix products to itself.
    private static BatchWorkers Workers() => new(ComputeDevice.UsualCpuWorkers);

    private static ClipTokenizer WriteTokenizer(string target)
    {
        ClipVocabularyBuilder.Write(target, Vocabulary.Words, PretrainRecipe.PromptTokens);
        return ClipTokenizer.FromFolder(target);
    }
}
