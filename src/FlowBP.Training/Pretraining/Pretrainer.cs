// The stages of pretraining and the folder they leave behind: a diffusers model folder, reward folders, judged pictures, the prompts.
// A stage that already left its folder is skipped, so an interrupted run goes on where it stopped.

using System.Text.Json;
using System.Text.Json.Serialization;
using FlowBP.Families;
using FlowBP.Families.SD3;
using FlowBP.Formats;
using FlowBP.Models.Autoencoders;
using FlowBP.Models.Clip;
using FlowBP.Models.Rewards;
using FlowBP.Models.Schedulers;
using FlowBP.Models.Tokenizers;
using FlowBP.Shapes;
using FlowBP.Surrogates;
using FlowBP.Training.Devices;
using FlowBP.Training.Rewards;

namespace FlowBP.Training.Pretraining;

/// <summary>Trains the embedded model and its rewards, stage by stage.</summary>
/// <param name="recipe">Sizes, steps, rates, seed.</param>
/// <param name="folder">Where model/, the rewards, pictures/ and prompts/ go.</param>
/// <param name="report">Receives the progress.</param>
public sealed class Pretrainer(PretrainRecipe recipe, string folder, Action<PretrainingProgress> report)
{
    // Half the size of float32, and exact to three digits more than the latents need.
    private const ScalarType Storage = ScalarType.Float16;

    private const ulong PaintingSeed = 5000;

    private static readonly JsonSerializerOptions s_json = new()
    {
        PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower,
        NumberHandling = JsonNumberHandling.AllowNamedFloatingPointLiterals,
        WriteIndented = true,
    };

    private readonly DiffusersFolder model = new(Path.Combine(folder, "model"));

    /// <summary>
    /// The stages, in order: the prompts; the model; two rewards that know renders alone; pictures that the model paints, judged by
    /// the rules; the two rewards that learn from these, and the control that trains as long on renders; what each is worth as a
    /// judge.
    /// </summary>
    public static IReadOnlyList<string> Stages { get; } =
    [
        "prompts",
        "autoencoder",
        "flow",
        "render_reward",
        "render_heldout",
        "pictures",
        "reward",
        "heldout",
        "control",
        "judges",
    ];

    /// <summary>Runs one stage, unless what it leaves is already there.</summary>
    /// <param name="stage">One of <see cref="Stages"/>.</param>
    /// <returns>Whether it ran.</returns>
    /// <exception cref="ArgumentException">There is no such stage.</exception>
    /// <exception cref="CheckpointException">An earlier stage's folder is missing or damaged.</exception>
    public bool Run(string stage)
    {
        (string Left, Action Run) work = stage switch
        {
            "prompts" => (At("prompts", "test.txt"), () => PromptListFiles.Write(At("prompts"))),
            "autoencoder" => (Path.Combine(model.Vae, "config.json"), RunAutoencoder),
            "flow" => (Path.Combine(model.Root, "model_index.json"), RunFlow),
            "render_reward" => (Config("render_reward"), RunRenderReward),
            "render_heldout" => (Config("render_heldout_reward"), RunRenderHeldOutReward),
            "pictures" => (Pictures("fresh"), RunPictures),
            "reward" => (Config("reward"), () => RunReward("reward", Painted("reward"))),
            "heldout" => (Config("heldout_reward"), RunHeldOutReward),
            "control" => (Config("control_reward"), () => RunReward("control_reward", null)),
            "judges" => (At("judges.json"), RunJudges),
            _ => throw new ArgumentException($"no stage '{stage}' (there are: {string.Join(", ", Stages)})"),
        };
        if (File.Exists(work.Left))
        {
            return false;
        }
        work.Run();
        return true;
    }

    private string At(params string[] path) => Path.Combine([folder, .. path]);

    private string Config(string reward) => At(reward, "config.json");

    private string Pictures(string set) => At("pictures", set + ".safetensors");

    private JudgedPictures Painted(string set) => JudgedPictures.Read(Pictures(set));

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

    private void RunRenderReward()
    {
        var tokenizer = WriteTokenizer(At("render_reward", "tokenizer"));
        using var reward = new RewardPretraining(recipe, tokenizer.Tokenize).RunContrastive(
            PretrainRecipe.RewardConfig(tokenizer.VocabularySize),
            report
        );
        Write("render_reward", reward.Config.ToJson(), reward);
    }

    private void RunRenderHeldOutReward()
    {
        using var workers = Workers();
        var tokenizer = WriteTokenizer(At("render_heldout_reward", "tokenizer"));
        using var reward = new RewardPretraining(recipe, tokenizer.Tokenize).RunMatching(
            PretrainRecipe.HeldOutRewardConfig(tokenizer.VocabularySize),
            workers,
            report
        );
        Write("render_heldout_reward", reward.Config.ToJson(), reward);
    }

    // Each reward has pictures and prompts of its own; those of held-out prompts are for the last stage alone, and are written last.
    private void RunPictures()
    {
        var painting = new PicturePainting(model.Root, report);
        Paint("reward", 0, recipe.Painting, PromptSplit.Training);
        Paint("heldout", 1, recipe.Painting, PromptSplit.Training);
        Paint("fresh", 2, recipe.Painting with { Prompts = recipe.FreshPrompts }, PromptSplit.HeldOut);

        void Paint(string set, ulong number, PaintingRecipe painted, PromptSplit prompts)
        {
            if (!File.Exists(Pictures(set)))
            {
                var pictures = painting.Run(painted, prompts, recipe.Seed + PaintingSeed + number, $"{set} pictures");
                FolderEntries.Create(At("pictures"));
                pictures.Write(Pictures(set));
            }
        }
    }

    private void RunReward(string name, JudgedPictures? pictures)
    {
        using var reward = OpenClipModel.FromWeights(OpenClipConfig.Read(Config("render_reward")), At("render_reward"));
        var tokenizer = WriteTokenizer(At(name, "tokenizer"));
        new JudgedRewardTraining(recipe, tokenizer.Tokenize).Run(reward, pictures, report);
        Write(name, reward.Config.ToJson(), reward);
    }

    private void RunHeldOutReward()
    {
        using var workers = Workers();
        using var reward = ImageTextMatchingModel.FromFolder(At("render_heldout_reward"));
        var tokenizer = WriteTokenizer(At("heldout_reward", "tokenizer"));
        new JudgedRewardTraining(recipe, tokenizer.Tokenize).Run(reward, Painted("heldout"), workers, report);
        Write("heldout_reward", reward.Config.ToJson(), reward);
    }

    private void RunJudges()
    {
        var fresh = Painted("fresh");
        var agreements = new[]
        {
            "render_reward",
            "control_reward",
            "reward",
            "render_heldout_reward",
            "heldout_reward",
        }.ToDictionary(
            name => name,
            name =>
            {
                using var reward = RewardFolder.Load(At(name));
                return RewardAsJudge.Measure(reward, fresh);
            }
        );
        AtomicFile.WriteText(At("judges.json"), JsonSerializer.Serialize(agreements, s_json) + "\n");
    }

    private void Write(string name, string config, nn.Module network) =>
        ModuleFolder.WriteTextEncoder(At(name), config, network, Storage);

    // One per stage: a stage without them has the threads of the matrix products to itself.
    private static BatchWorkers Workers() => new(ComputeDevice.UsualCpuWorkers);

    private static ClipTokenizer WriteTokenizer(string target)
    {
        ClipVocabularyBuilder.Write(target, Vocabulary.Words, PretrainRecipe.PromptTokens);
        return ClipTokenizer.FromFolder(target);
    }
}
