// The stages after painting: a reward that knows renders alone learns which of a model's pictures pass. Cross-entropy on single
// pictures, a Bradley-Terry loss on pairs of one prompt (as HPSv2 and PickScore learn from people's choices), and the loss that it was
// trained with on renders, so that it forgets nothing.

using FlowBP.Models.Clip;
using FlowBP.Models.Rewards;
using FlowBP.RandomStreams;
using FlowBP.Shapes;
using FlowBP.Surrogates;

namespace FlowBP.Training.Pretraining;

/// <summary>Trains rewards further on judged pictures.</summary>
/// <param name="recipe">Steps, rates, seed.</param>
/// <param name="tokenize">The reward's tokenizer.</param>
internal sealed class JudgedRewardTraining(PretrainRecipe recipe, Func<string, long[]> tokenize)
{
    // A contrastive score is a cosine; passing pictures come out above the middle, failing ones below.
    private const double CosineScale = 20;
    private const double CosineMiddle = 0.5;
    private const double RenderWeight = 0.5;
    private const ulong ContrastiveData = 3000;
    private const ulong MatchingData = 4000;

    // Weaker than on renders: a picture that is only just right must stay so.
    private static readonly Augmentation s_light = new(Shift: 1, Brightness: 0.03f, Contrast: 0.06f, Noise: 0.02f);
    private static readonly Augmentation s_strong = s_light with { HueDegrees = 3, Noise = 0.03f };

    private readonly RewardPretraining renders = new(recipe, tokenize);

    /// <summary>The training reward.</summary>
    /// <param name="model">Trained on renders; trained in place.</param>
    /// <param name="pictures">Judged pictures; null trains on renders alone for as long, the control.</param>
    /// <param name="report">Receives the progress.</param>
    public void Run(OpenClipModel model, JudgedPictures? pictures, Action<PretrainingProgress> report)
    {
        Tensor Logits(Tensor image_BCYX, Tensor ids_BL)
        {
            var pixels_BCYX = ClipImagePreprocessing.Apply(image_BCYX, model.ImageSize);
            var cosine_B = (model.EmbedImage(pixels_BCYX) * model.EmbedText(ids_BL)).sum(-1);
            return (cosine_B - CosineMiddle) * CosineScale;
        }
        // Every pair of a contrastive batch is in the loss: it can't be cut.
        Run(
            new PretrainingLoop("reward", recipe.JudgedReward, report),
            model,
            new Source(pictures, ContrastiveData, s_light, Augmentation.Light),
            Logits,
            batch => _ => renders.ContrastiveLoss(model, batch) + Absolute(Logits, batch)
        );
    }

    /// <summary>The held-out reward.</summary>
    /// <param name="model">Trained on renders; trained in place.</param>
    /// <param name="pictures">Judged pictures, others than the training reward's; null: renders alone.</param>
    /// <param name="workers">Threads that share a batch.</param>
    /// <param name="report">Receives the progress.</param>
    public void Run(
        ImageTextMatchingModel model,
        JudgedPictures? pictures,
        BatchWorkers workers,
        Action<PretrainingProgress> report
    ) =>
        Run(
            new PretrainingLoop("held-out reward", recipe.JudgedHeldOutReward, report, workers),
            model,
            new Source(pictures, MatchingData, s_strong, Augmentation.Strong),
            model.call,
            batch => renders.MatchingLoss(model, batch)
        );

    private sealed record Source(JudgedPictures? Pictures, ulong Data, Augmentation Painted, Augmentation Rendered);

    private void Run(
        PretrainingLoop loop,
        nn.Module model,
        Source source,
        Func<Tensor, Tensor, Tensor> logits,
        Func<ShapesBatch, LossOfRows> renderLoss
    )
    {
        var questions = source.Pictures is { } asked ? new PictureQuestions(asked) : null;
        var options = new ShapesBatchOptions
        {
            ViolatingImages = true,
            ViolatedPrompts = true,
            Augmentation = source.Rendered,
        };
        loop.Run(
            model.named_parameters().Select(p => (p.name, p.parameter)),
            (step, batch) =>
            {
                var rendered = renderLoss(ShapesBatch.Sample(recipe.Seed + source.Data, step, batch, options));
                // Without a prompt of both verdicts there is nothing to prefer.
                if (source.Pictures is not { } pictures || questions is not { HasPairs: true })
                {
                    return rendered;
                }
                var judged = Judged(pictures, questions, source, step, batch, logits);
                return rows => judged(rows) + rendered(rows) * RenderWeight;
            }
        );
    }

    // Row b: a pair of one prompt, drawn task by task alike, and two single pictures.
    private LossOfRows Judged(
        JudgedPictures pictures,
        PictureQuestions questions,
        Source source,
        int step,
        int batch,
        Func<Tensor, Tensor, Tensor> logits
    )
    {
        const int Kinds = 4;
        var stream = RandomStream.For(recipe.Seed + source.Data, step, batch, RandomPurpose.Data);
        var disturbance = RandomStream.For(recipe.Seed + source.Data, step, batch, RandomPurpose.Augmentation);
        var asked = new PictureQuestion[Kinds * batch];
        for (var b = 0; b < batch; b++)
        {
            (asked[b], asked[batch + b]) = questions.Pair(stream);
            for (var kind = 2; kind < Kinds; kind++)
            {
                asked[kind * batch + b] = questions.Single(stream);
            }
        }
        var planes = new float[asked.Length * Scene.ImageLength];
        for (var i = 0; i < asked.Length; i++)
        {
            var image = planes.AsSpan(i * Scene.ImageLength, Scene.ImageLength);
            pictures.CopyTo(asked[i].Picture, image, asked[i].IsMirrored);
            source.Painted.Apply(image, disturbance);
        }
        // [kind, B, …], so that a part of the rows has whole pairs.
        var image_KBCYX = ShapesTensors.Images(planes).reshape(Kinds, batch, 3, Scene.Size, Scene.Size);
        var ids_KBL = Ids(asked.Select(question => question.Prompt)).reshape(Kinds, batch, -1);
        var label_KB = torch
            .tensor(asked.Select(question => question.Passes ? 1f : 0f).ToArray())
            .reshape(Kinds, batch);
        return rows =>
        {
            var (first, count) = (rows.Start.Value, rows.End.Value - rows.Start.Value);
            var logits_KB = logits(
                    image_KBCYX.narrow(1, first, count).flatten(0, 1),
                    ids_KBL.narrow(1, first, count).flatten(0, 1)
                )
                .reshape(Kinds, count);
            var singles = F.binary_cross_entropy_with_logits(logits_KB, label_KB.narrow(1, first, count));
            // −log σ(z_passing − z_failing), Bradley and Terry 1952.
            var pairs = F.binary_cross_entropy_with_logits(logits_KB[0] - logits_KB[1], torch.ones(count));
            return singles + pairs;
        };
    }

    // Renders that pass, that fail, and captions that fail, on the same scale as painted pictures.
    private Tensor Absolute(Func<Tensor, Tensor, Tensor> logits, ShapesBatch batch)
    {
        var size = batch.Prompts.Length;
        var image_BCYX = ShapesTensors.Images(batch.Images);
        var ids_BL = Ids(batch.Prompts);
        var logits_3B = logits(
            torch.cat([image_BCYX, ShapesTensors.Images(batch.ViolatingImages!), image_BCYX]),
            torch.cat([ids_BL, ids_BL, Ids(batch.ViolatedPrompts!)])
        );
        return F.binary_cross_entropy_with_logits(logits_3B, torch.cat([torch.ones(size), torch.zeros(2 * size)]));
    }

    private Tensor Ids(IEnumerable<Prompt> prompts)
    {
        Prompt[] all = [.. prompts];
        return torch.tensor(
            [.. all.SelectMany(prompt => tokenize(prompt.Text))],
            [all.Length, PretrainRecipe.PromptTokens]
        );
    }
}
