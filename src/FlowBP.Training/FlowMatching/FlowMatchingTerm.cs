// The flow-matching loss of an update. Picture, time and noise of a sample are a function of the seed, the step and the sample's
// number, so neither the parts of an update nor a run that goes on elsewhere change them.
// Shape legend: B samples of a part, C channels, Y X pixels or latent elements.

using FlowBP.RandomStreams;
using FlowBP.Surrogates;
using FlowBP.Training.Configuration;
using FlowBP.Training.Pipelines;
using FlowBP.Training.Ranks;

namespace FlowBP.Training.FlowMatching;

/// <summary>Adds the gradient of the flow-matching loss to that of an update.</summary>
/// <param name="config">The run.</param>
/// <param name="model">The model that is trained.</param>
/// <param name="pictures">The data; checked.</param>
/// <param name="schedule">The noise levels that times are drawn on.</param>
internal sealed class FlowMatchingTerm(
    AlignmentConfig config,
    TextToImage model,
    ICaptionedPictures pictures,
    NoiseSchedule schedule
)
{
    private readonly FlowMatchingSettings settings = config.FlowMatching;
    private readonly int count = config.FlowMatchingSamples;

    // Encoding, evaluation and pullback each take no more than the phases of the reward do.
    private readonly int part = Math.Min(
        config.TrainBatchSize,
        Math.Min(config.Executor.RewardChunk, config.Executor.VjpChunk)
    );

    /// <summary>The term of a run; null: it is off.</summary>
    /// <param name="config">The run.</param>
    /// <param name="model">The model that is trained.</param>
    /// <param name="prompts">The training prompts.</param>
    /// <param name="schedule">The noise levels that times are drawn on.</param>
    /// <exception cref="InvalidDataException">A picture is missing, unreadable, of another size or without a caption.</exception>
    public static FlowMatchingTerm? Of(
        AlignmentConfig config,
        TextToImage model,
        IReadOnlyList<string> prompts,
        NoiseSchedule schedule
    )
    {
        if (CaptionedPictures.Of(config.FlowMatching, prompts) is not { } pictures)
        {
            return null;
        }
        pictures.Check(model.PictureSize);
        return new(config, model, pictures, schedule);
    }

    /// <summary>Adds the gradient of this rank's share of an update's samples, part by part, each freed before the next.</summary>
    /// <param name="executor">Evaluates and pulls back.</param>
    /// <param name="step">Index of the step, from 0.</param>
    /// <param name="ranks">The ranks that share the samples.</param>
    /// <returns>This rank's share of the loss, and what it evaluated.</returns>
    public FlowMatchingReport Accumulate(SurrogateExecutor executor, int step, RankGroup ranks)
    {
        var sum = default(FlowMatchingReport);
        foreach (var (first, samples) in UpdateShare.Of(ranks, count).Parts(part))
        {
            using var scope = torch.NewDisposeScope();
            using var data = Draw(step, first, samples);
            var report = executor.AccumulateFlowMatching(data, settings.FlowMatchingWeight, count);
            sum = new(
                sum.Loss + report.Loss,
                new(
                    sum.Evaluations.Calls + report.Evaluations.Calls,
                    sum.Evaluations.Samples + report.Evaluations.Samples
                )
            );
        }
        return sum;
    }

    /// <summary>Some samples of an update; the caller's.</summary>
    /// <param name="step">Index of the step, from 0.</param>
    /// <param name="first">Number of the first sample in the update.</param>
    /// <param name="samples">How many.</param>
    internal FlowMatchingBatch Draw(int step, int first, int samples)
    {
        using var scope = torch.NewDisposeScope();
        using var noGrad = torch.no_grad();
        var (pixels_BCYX, times, captions) = Pictures(step, first, samples);
        var device = model.Compute.Device;
        var noise_B = Noise.Of(
            model.LatentShape,
            samples,
            config.NoiseSeed,
            step,
            first,
            RandomPurpose.FlowMatchingNoise
        );
        return new()
        {
            Latents_B = Encode(pixels_BCYX).MoveToOuterDisposeScope(),
            Noise_B = noise_B.to(device).MoveToOuterDisposeScope(),
            Times = times,
            // The loss is of the network's own velocity: guidance has no part in what data is like.
            Conditioning = Condition(captions),
        };
    }

    /// <summary>Pictures [B, 3, Y, X] in [0, 1], times and captions of some samples of an update.</summary>
    internal (Tensor Pixels_BCYX, double[] Times, string[] Captions) Pictures(int step, int first, int samples)
    {
        var (height, width) = model.PictureSize;
        var length = 3 * height * width;
        var planes = new float[samples * length];
        var times = new double[samples];
        var captions = new string[samples];
        for (var b = 0; b < samples; b++)
        {
            var stream = RandomStream.For(config.NoiseSeed, step, first + b, RandomPurpose.FlowMatching);
            times[b] = settings.FlowMatchingTimes.Draw(schedule, stream);
            var picture = stream.NextInt(pictures.Captions.Count);
            captions[b] = pictures.Captions[picture];
            pictures.Fill(picture, stream, planes.AsSpan(b * length, length));
        }
        return (torch.tensor(planes, [samples, 3, height, width]), times, captions);
    }

    // As pretraining: the latent distribution's mean, in the diffusion model's scale.
    private Tensor Encode(Tensor pixels_BCYX)
    {
        var vae = model.Model.Vae;
        var type = vae.parameters().First().dtype;
        var image_BCYX = (pixels_BCYX * 2 - 1).to(model.Compute.Device).to(type);
        return vae.Scale(vae.EncodeMean(image_BCYX).to(ScalarType.Float32));
    }

    private Conditioning Condition(string[] captions)
    {
        var conditioning = model.Model.Condition(model.Model.Prompts.Encode(captions));
        foreach (var name in conditioning.Names)
        {
            conditioning[name].MoveToOuterDisposeScope();
        }
        return conditioning;
    }
}
