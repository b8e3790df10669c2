// Stages 3 and 4: the two rewards. The training reward is contrastive, with hard negatives on both sides: for each prompt
// a picture that misses it by one edit, for each picture a prompt that misses it by one word. The held-out reward learns
// to say yes or no, on other scenes with other disturbances.

using FlowBP.Models.Clip;
using FlowBP.Models.Initialization;
using FlowBP.Models.Rewards;
using FlowBP.Shapes;

namespace FlowBP.Training.Pretraining;

/// <summary>Trains the two rewards.</summary>
internal sealed class RewardPretraining(PretrainRecipe recipe, Func<string, long[]> tokenize)
{
    private const double LargestLogitScale = 30;
    private const ulong ContrastiveData = 1000;
    private const ulong MatchingData = 2000;

    /// <summary>The training reward.</summary>
    public OpenClipModel RunContrastive(OpenClipConfig config, Action<PretrainingProgress> report)
    {
        var model = new OpenClipModel(config);
        ParameterInitialization.Apply(model, recipe.Seed + 3);
        Train("reward", recipe.Reward, ContrastiveData, Augmentation.Light, model, ContrastiveLoss, report);
        return model;
    }

    /// <summary>The held-out reward.</summary>
    public ImageTextMatchingModel RunMatching(ImageTextMatchingConfig config, Action<PretrainingProgress> report)
    {
        var model = new ImageTextMatchingModel(config);
        ParameterInitialization.Apply(model, recipe.Seed + 4);
        Train("held-out reward", recipe.HeldOutReward, MatchingData, Augmentation.Strong, model, MatchingLoss, report);
        return model;
    }

    private void Train<T>(
        string stage,
        IReadOnlyList<StageRecipe> cycles,
        ulong data,
        Augmentation augmentation,
        T model,
        Func<T, ShapesBatch, Tensor> loss,
        Action<PretrainingProgress> report
    )
        where T : nn.Module
    {
        var options = new ShapesBatchOptions
        {
            ViolatingImages = true,
            ViolatedPrompts = true,
            Augmentation = augmentation,
        };
        new PretrainingLoop(stage, cycles, report).Run(
            model.named_parameters().Select(p => (p.name, p.parameter)),
            (step, batch) => loss(model, ShapesBatch.Sample(recipe.Seed + data, step, batch, options))
        );
    }

    // InfoNCE in both directions. Texts: the B prompts, then the B near misses; images: the B pictures, then the B near
    // misses. A pair off the diagonal that happens to match is no negative: it is masked.
    private Tensor ContrastiveLoss(OpenClipModel model, ShapesBatch batch)
    {
        var size = batch.Prompts.Length;
        var pixels = ClipImagePreprocessing.Apply(
            torch.cat([ShapesTensors.Images(batch.Images), ShapesTensors.Images(batch.ViolatingImages!)]),
            model.ImageSize
        );
        Prompt[] texts = [.. batch.Prompts, .. batch.ViolatedPrompts!];
        Scene[] scenes = [.. batch.Scenes, .. batch.ViolatingScenes!];
        var image_SP = model.EmbedImage(pixels);
        var text_TP = model.EmbedText(Ids(texts));
        var scale = model.LogitScale.exp().clamp_max(LargestLogitScale);
        var logits_TS = text_TP.matmul(image_SP.transpose(0, 1)) * scale;

        var matches = ShapesBatch.Matches(texts, scenes);
        for (var i = 0; i < size; i++)
        {
            matches[i * scenes.Length + i] = false;
        }
        var mask_TS = torch.tensor(matches).reshape(texts.Length, scenes.Length);
        logits_TS = logits_TS.masked_fill(mask_TS, -1e4);
        var target_B = torch.arange(size, dtype: ScalarType.Int64);
        var textToImage = F.cross_entropy(logits_TS.narrow(0, 0, size), target_B);
        var imageToText = F.cross_entropy(logits_TS.narrow(1, 0, size).transpose(0, 1), target_B);
        return (textToImage + imageToText) * 0.5;
    }

    // One yes and three kinds of no: the near-miss picture, the near-miss prompt, and somebody else's picture (where it
    // doesn't match by chance).
    private Tensor MatchingLoss(ImageTextMatchingModel model, ShapesBatch batch)
    {
        var size = batch.Prompts.Length;
        var image_BCYX = ShapesTensors.Images(batch.Images);
        var missing_BCYX = ShapesTensors.Images(batch.ViolatingImages!);
        var ids_BL = Ids(batch.Prompts);
        var missed_BL = Ids(batch.ViolatedPrompts!);
        var images = torch.cat([image_BCYX, missing_BCYX, image_BCYX, image_BCYX.roll([1], [0])]);
        var ids = torch.cat([ids_BL, ids_BL, missed_BL, ids_BL]);
        var labels = new float[4 * size];
        for (var b = 0; b < size; b++)
        {
            labels[b] = 1;
            labels[3 * size + b] = PromptRules.Matches(batch.Prompts[b], batch.Scenes[(b + size - 1) % size]) ? 1 : 0;
        }
        return F.binary_cross_entropy_with_logits(model.call(images, ids), torch.tensor(labels));
    }

    private Tensor Ids(Prompt[] prompts) =>
        torch.tensor([.. prompts.SelectMany(p => tokenize(p.Text))], [prompts.Length, PretrainRecipe.PromptTokens]);
}
