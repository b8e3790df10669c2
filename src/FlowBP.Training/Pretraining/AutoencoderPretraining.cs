// Stage 1: pixels to latents and back. Absolute and squared error, and just enough of the KL term to keep the latents
// near a unit normal, which is where a flow model wants them.

using FlowBP.Models.Autoencoders;
using FlowBP.Models.Layers;
using FlowBP.RandomStreams;
using FlowBP.Shapes;
using FlowBP.Surrogates;

namespace FlowBP.Training.Pretraining;

/// <summary>Trains the autoencoder on pictures of the world.</summary>
internal static class AutoencoderPretraining
{
    private const double KlWeight = 1e-3;
    private const int MeasuredPictures = 2048;

    /// <summary>A trained autoencoder whose scaling makes the latents' mean 0 and deviation 1.</summary>
    public static AutoencoderKL Run(PretrainRecipe recipe, BatchWorkers workers, Action<PretrainingProgress> report)
    {
        var model = new AutoencoderKL(recipe.AutoencoderConfig);
        ParameterInitialization.Apply(model, recipe.Seed);
        new PretrainingLoop("autoencoder", recipe.Autoencoder, report, workers).Run(
            model.named_parameters().Select(p => (p.name, p.parameter)),
            (step, batch) =>
            {
                var target_BCYX = ShapesTensors.Images(ShapesBatch.Sample(recipe.Seed, step, batch).Images) * 2 - 1;
                var noise_BCYX = ShapesTensors.Normal(
                    [batch, .. LatentShape(recipe)],
                    recipe.Seed,
                    step,
                    RandomPurpose.LatentSample
                );
                return rows => Loss(model, target_BCYX.Rows(rows), noise_BCYX.Rows(rows));
            }
        );
        RefineDecoder(model, recipe, workers, report);
        return Rescaled(model, recipe);
    }

    // Afterwards the latents stay as they are, and the decoder alone learns to make the most of them, without the noise
    // that the encoder had to be robust against.
    private static void RefineDecoder(
        AutoencoderKL model,
        PretrainRecipe recipe,
        BatchWorkers workers,
        Action<PretrainingProgress> report
    )
    {
        const long FirstStep = 1_000_000;
        new PretrainingLoop("decoder", recipe.Decoder, report, workers).Run(
            model
                .named_parameters()
                .Where(p => p.name.StartsWith("decoder.", StringComparison.Ordinal))
                .Select(p => (p.name, p.parameter)),
            (step, batch) =>
            {
                var pictures = ShapesBatch.Sample(recipe.Seed, FirstStep + step, batch).Images;
                var target_BCYX = ShapesTensors.Images(pictures) * 2 - 1;
                return rows =>
                {
                    var target = target_BCYX.Rows(rows);
                    Tensor latents;
                    using (torch.no_grad())
                    {
                        latents = model.EncodeMean(target);
                    }
                    var decoded = model.Decode(latents);
                    return F.l1_loss(decoded, target) + F.mse_loss(decoded, target);
                };
            }
        );
    }

    private static long[] LatentShape(PretrainRecipe recipe)
    {
        var config = recipe.AutoencoderConfig;
        var side = Scene.Size >> (config.BlockOutChannels.Count - 1);
        return [config.LatentChannels, side, side];
    }

    private static Tensor Loss(AutoencoderKL model, Tensor target, Tensor noise)
    {
        var moments = model.EncodeMoments(target).chunk(2, 1);
        var mean = moments[0];
        var logVariance = moments[1].clamp(-30, 20);
        var decoded = model.Decode(mean + (logVariance * 0.5).exp() * noise);
        var kl = (mean * mean + logVariance.exp() - 1 - logVariance).mean() * 0.5;
        return F.l1_loss(decoded, target) + F.mse_loss(decoded, target) + kl * KlWeight;
    }

    // A config is immutable: the measured scaling goes into a new one, with the same weights.
    private static AutoencoderKL Rescaled(AutoencoderKL model, PretrainRecipe recipe)
    {
        using var scope = torch.NewDisposeScope();
        using var noGrad = torch.no_grad();
        var pictures = ShapesBatch.Sample(recipe.Seed + 1, 0, MeasuredPictures).Images;
        var latents = model.EncodeMean(ShapesTensors.Images(pictures) * 2 - 1);
        var scaled = new AutoencoderKL(
            recipe.AutoencoderConfig with
            {
                ShiftFactor = Math.Round(latents.mean().ToDouble(), 4),
                ScalingFactor = Math.Round(1 / latents.std().ToDouble(), 4),
            }
        );
        scaled.load_state_dict(model.state_dict());
        model.Dispose();
        return scaled;
    }
}
