// The training step, on one page. What is particular to a method is in its plan, what is particular to a model is behind
// the velocity field, what is particular to a machine is behind the kernels; what is left is the order of things.
// An update may be accumulated over several batches; together they are one large batch, whose samples are numbered through.
// Shape legend: B batch, N re-noised copies, C channels, Y X latent elements.

using System.Diagnostics;
using FlowBP.RandomStreams;
using FlowBP.Settings;
using FlowBP.Surrogates;
using FlowBP.Training.Configuration;
using FlowBP.Training.Devices;
using FlowBP.Training.Optimization;
using FlowBP.Training.Pipelines;
using FlowBP.Training.Rewards;

namespace FlowBP.Training.Alignment;

/// <summary>Aligns the transformer of a model with a reward.</summary>
public sealed class AlignmentTrainer : IDisposable
{
    private readonly AlignmentConfig config;
    private readonly TextToImage model;
    private readonly IImageReward imageReward;
    private readonly LatentReward reward;
    private readonly PromptOrder prompts;
    private readonly NoiseSchedule schedule;
    private readonly ReferenceModel? reference;
    private readonly SurrogateExecutor executor;
    private readonly int batch;
    private readonly int parts;

    /// <summary>Nothing is trained yet; model and reward stay the caller's.</summary>
    /// <param name="config">The run.</param>
    /// <param name="model">The model; its transformer is trained in place.</param>
    /// <param name="imageReward">The training reward.</param>
    /// <param name="prompts">The training prompts.</param>
    /// <exception cref="InvalidSettingException">A setting asks for what this model's network does not do.</exception>
    public AlignmentTrainer(
        AlignmentConfig config,
        TextToImage model,
        IImageReward imageReward,
        IReadOnlyList<string> prompts
    )
    {
        this.config = config;
        this.model = model;
        this.imageReward = imageReward;
        reward = new LatentReward(model.Model.Vae, imageReward);
        batch = config.TrainBatchSize;
        parts = config.GradientAccumulationSteps;
        this.prompts = new PromptOrder(prompts, config.PromptSeed);
        schedule = model.Schedule(config.RolloutSteps);
        // As it is now, before the first update.
        reference = config.Anchor.NeedsReference ? new ReferenceModel(model) : null;
        try
        {
            executor = new SurrogateExecutor(
                model.Field,
                schedule,
                model.Compute.Kernels,
                config.Executor with
                {
                    Workers = model.Workers,
                    RolloutKernels = model.Compute.RolloutKernels,
                },
                config.Anchor,
                reference?.Field
            );
            Optimizer = new FusedAdamW(
                model.TrainedParameters,
                config.Optimizer,
                model.Compute.Kernels,
                model.Masters?.Narrow
            );
        }
        catch
        {
            reference?.Dispose();
            throw;
        }
    }

    /// <summary>Moments and moving average.</summary>
    public FusedAdamW Optimizer { get; }

    /// <summary>Training steps made; a step in which nothing pulled is none of <see cref="Optimizer"/>'s.</summary>
    public int StepsDone { get; private set; }

    /// <summary>The moving averages in the place of the weights, where they are kept, until the result is disposed.</summary>
    public AveragedWeights Averaged() => new(Optimizer);

    /// <summary>One training step.</summary>
    /// <param name="step">Index of the step, from 0.</param>
    /// <exception cref="NonFiniteException">A velocity, reward or cotangent is not finite; nothing was updated.</exception>
    /// <exception cref="NonFiniteGradientException">A gradient is not finite; nothing was updated.</exception>
    public StepReport Step(int step)
    {
        var liveTensors = NativeMemory.LiveHandles;
        using var scope = torch.NewDisposeScope();
        model.Compute.ResetPeakMemory();
        var clock = new PartClock(model.Compute);

        // What a step that failed has left is none of this one's.
        imageReward.TakeCurves();
        var surrogate = AccumulateGradients(step, clock);
        var norm = Optimizer.GradientNorm();
        var learningRate = config.LearningRate.At(step);
        if (norm > 0)
        {
            Optimizer.Step(learningRate, norm);
        }
        else
        {
            // Every sample is past the hinge, or filtered: nothing pulls, so nothing moves (docs/methods.md §6).
            Optimizer.ZeroGrad();
        }
        StepsDone = step + 1;
        clock.Lap("optimizer");

        return new()
        {
            Step = step + 1,
            Surrogate = surrogate,
            Rewards = imageReward.TakeCurves(),
            GradNorm = norm,
            LearningRate = learningRate,
            Seconds = clock.Total,
            SecondsByPart = clock.Parts,
            ImagesPerSecond = parts * batch / clock.Total,
            PeakMemoryBytes = model.Compute.PeakMemoryBytes,
            LiveTensors = liveTensors,
        };
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        Optimizer.Dispose();
        reference?.Dispose();
    }

    /// <summary>The first half of <see cref="Step"/>: the gradient of all batches of an update, left to be looked at.</summary>
    /// <param name="step">Index of the step, from 0.</param>
    internal SurrogateReport AccumulateGradients(int step)
    {
        using var scope = torch.NewDisposeScope();
        return AccumulateGradients(step, new PartClock(model.Compute));
    }

    private SurrogateReport AccumulateGradients(int step, PartClock clock)
    {
        var texts = prompts.Next(step, parts * batch);
        Part[] accumulated =
        [
            .. Enumerable.Range(0, parts).Select(part => Accumulate(texts, step, part * batch, clock)),
        ];
        var correction = Normalize(accumulated);
        return SurrogateReport.Mean([
            .. accumulated.Select(part =>
                part.Report with
                {
                    Loss = part.Report.Loss * correction * parts,
                    AnchorLoss = part.Report.AnchorLoss * correction * parts,
                }
            ),
        ]);
    }

    // Parts are divided by the number of all images; the mean is over those that the filter keeps, whose number is known once
    // the last part has been rolled out. Returns what gradient and loss were multiplied with.
    private double Normalize(IReadOnlyList<Part> accumulated)
    {
        var kept = accumulated.Sum(part => part.Kept);
        if (kept == 0 || kept == parts * batch)
        {
            return 1;
        }
        var correction = (double)(parts * batch) / kept;
        using var noGrad = torch.no_grad();
        foreach (var (_, parameter) in model.TrainedParameters)
        {
            parameter.grad?.mul_(correction);
        }
        return correction;
    }

    // What a batch of an update comes to: its report, with the loss as its share of the update's, and the samples it keeps.
    private sealed record Part(SurrogateReport Report, int Kept);

    // Adds the gradient of one batch, the samples from `first` on.
    private Part Accumulate(IReadOnlyList<string> allTexts, int step, int first, PartClock clock)
    {
        using var scope = torch.NewDisposeScope();
        using var inputs = Encode([.. allTexts.Skip(first).Take(batch)], step, first);
        clock.Lap("encode");
        using var rollout = executor.Rollout(inputs.Batch);
        clock.Lap("rollout");
        var weights = executor.Weigh(inputs.Batch, rollout);
        clock.Lap("weigh");
        var images = (double)parts * batch * inputs.Batch.Plan.Samples[0].RewardInput.Rows;
        using var gradient = executor.RewardGradient(
            inputs.Batch,
            rollout,
            weights,
            reward,
            config.Hinge,
            images,
            config.Smoothing
        );
        clock.Lap("reward");
        using var anchor = executor.Anchor(inputs.Batch, rollout, weights, parts * batch);
        if (anchor is not null)
        {
            clock.Lap("anchor");
        }
        var products = executor.AccumulateGradients(inputs.Batch, rollout, gradient, anchor);
        clock.Lap("vjps");
        return new(
            SurrogateReport.Of(schedule, inputs.Batch.Plan, rollout, weights, gradient, products, anchor),
            weights.Kept
        );
    }

    private StepInputs Encode(IReadOnlyList<string> texts, int step, int first)
    {
        var plan = BatchPlan.Draw(
            config.Planner,
            schedule,
            batch,
            config.IndexDraw,
            b => RandomStream.For(config.IndexSeed, step, first + b, RandomPurpose.Indices)
        );
        return new StepInputs(
            new SurrogateBatch
            {
                Plan = plan,
                Noise_B = Noise.Of(model.LatentShape, batch, config.NoiseSeed, step, first).to(model.Compute.Device),
                Conditioning = model.Encode(texts),
                RewardConditioning = imageReward.Encode([.. texts]),
                Renoise_NB = plan.RenoisedCopies == 0 ? null : Renoise(plan.RenoisedCopies, step, first),
                Smoothing_NR = config.Smoothing.IsOff ? null : Perturb(plan.RenoisedCopies + 1, step, first),
            }
        );
    }

    private Tensor Renoise(int copies, int step, int first) =>
        Copies(copies, step, first, RandomPurpose.Renoise).to(model.Compute.Device);

    // The same, with the rows of a sample as further copies: those of the first perturbation, then those of the next.
    private Tensor Perturb(int rows, int step, int first)
    {
        var copies = config.Smoothing.Copies;
        var noise = Copies(copies * rows, step, first, RandomPurpose.RewardSmoothing);
        return noise.reshape([copies, rows * batch, .. model.LatentShape]).to(model.Compute.Device);
    }

    // [N, B, C, Y, X].
    private Tensor Copies(int copies, int step, int first, RandomPurpose purpose) =>
        Noise.Copies(copies, model.LatentShape, batch, parts * batch, config.NoiseSeed, step, first, purpose);

    // Owns what a SurrogateBatch only refers to.
    private sealed class StepInputs(SurrogateBatch batch) : IDisposable
    {
        public SurrogateBatch Batch { get; } = batch;

        public void Dispose()
        {
            Batch.Noise_B.Dispose();
            Batch.Renoise_NB?.Dispose();
            Batch.Smoothing_NR?.Dispose();
            Batch.Conditioning.Dispose();
            Batch.RewardConditioning.Dispose();
        }
    }

    // Splits a step's wall time by named parts. A GPU's work is queued: a part ends when its work has.
    private sealed class PartClock(ComputeDevice device)
    {
        private readonly long start = Stopwatch.GetTimestamp();
        private readonly Dictionary<string, double> parts = [];
        private long last = Stopwatch.GetTimestamp();

        public IReadOnlyDictionary<string, double> Parts => parts;

        public double Total => Stopwatch.GetElapsedTime(start, last).TotalSeconds;

        public void Lap(string part)
        {
            device.Synchronize();
            var now = Stopwatch.GetTimestamp();
            // A part of an accumulated update recurs: its times add up.
            parts[part] = parts.GetValueOrDefault(part) + Stopwatch.GetElapsedTime(last, now).TotalSeconds;
            last = now;
        }
    }
}
