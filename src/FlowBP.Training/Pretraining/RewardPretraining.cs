// Stages 3 and 4: the two rewards. The training reward is contrastive, with hard negatives on both sides: for each prompt
// a picture that misses it by one edit, for each picture a prompt that misses it by one word. The held-out reward learns
// to say yes or no, on other scenes with other disturbances.

using FlowBP.Models.Clip;
using FlowBP.Models.Layers;
using FlowBP.Models.Rewards;
using FlowBP.Shapes;
using FlowBP.Surrogates;

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
        // Every pair of the batch is in the loss: it can't be cut.
        Train(
            new PretrainingLoop("reward", recipe.Reward, report),
            ContrastiveData,
            Augmentation.Light,
            model,
            batch => _ => ContrastiveLoss(model, batch)
        );
        return model;
    }

    /// <summary>The held-out reward.</summary>
    public ImageTextMatchingModel RunMatching(
        ImageTextMatchingConfig config,
        BatchWorkers workers,
        Action<PretrainingProgress> report
    )
    {
        var model = new ImageTextMatchingModel(config);
        ParameterInitialization.Apply(model, recipe.Seed + 4);
        Train(
            new PretrainingLoop("held-out reward", recipe.HeldOutReward, report, workers),
            MatchingData,
            Augmentation.Strong,
            model,
            batch => MatchingLoss(model, batch)
        );
        return model;
    }

    private void Train(
        PretrainingLoop loop,
        ulong data,
        Augmentation augmentation,
        nn.Module model,
        Func<ShapesBatch, LossOfRows> loss
    )
    {
        var options = new ShapesBatchOptions
        {
            ViolatingImages = true,
            ViolatedPrompts = true,
            Augmentation = augmentation,
        };
        loop.Run(
            model.named_parameters().Select(p => (p.name, p.parameter)),
            (step, batch) => loss(ShapesBatch.Sample(recipe.Seed + data, step, batch, options))
        );
    }

    // InfoNCE in both directions. Texts: the B prompts, then the B near misses; images: the B pictures, then the B near
    // misses. A pair off the diagonal that happens to match is no negative: it is masked.
    internal Tensor ContrastiveLoss(OpenClipModel model, ShapesBatch batch)
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
        var logits_TS = text_TP.mm(image_SP.transpose(0, 1)) * scale;

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
    internal LossOfRows MatchingLoss(ImageTextMatchingModel model, ShapesBatch batch)
    {
        var size = batch.Prompts.Length;
        var image_BCYX = ShapesTensors.Images(batch.Images);
        var missing_BCYX = ShapesTensors.Images(batch.ViolatingImages!);
        var ids_BL = Ids(batch.Prompts);
        var missed_BL = Ids(batch.ViolatedPrompts!);
        var other_BCYX = image_BCYX.roll([1], [0]);
        var chance = Enumerable
            .Range(0, size)
            .Select(b => PromptRules.Matches(batch.Prompts[b], batch.Scenes[(b + size - 1) % size]) ? 1f : 0);
        var label_B4 = torch.cat([torch.ones(size, 1), torch.zeros(size, 2), torch.tensor([.. chance], [size, 1])], 1);
        return rows =>
        {
            var image_nCYX = image_BCYX.Rows(rows);
            var ids_nL = ids_BL.Rows(rows);
            var logits_4n = model.call(
                torch.cat([image_nCYX, missing_BCYX.Rows(rows), image_nCYX, other_BCYX.Rows(rows)]),
                torch.cat([ids_nL, ids_nL, missed_BL.Rows(rows), ids_nL])
            );
            var label_4n = label_B4.Rows(rows).transpose(0, 1).flatten();
            return F.binary_cross_entropy_with_logits(logits_4n, label_4n);
        };
    }

    private Tensor Ids(Prompt[] prompts) =>
        torch.tensor([.. prompts.SelectMany(p => tokenize(p.Text))], [prompts.Length, PretrainRecipe.PromptTokens]);
}
