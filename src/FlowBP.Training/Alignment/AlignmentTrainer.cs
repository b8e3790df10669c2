// The training step, on one page. What is particular to a method is in its plan, what is particular to a model is behind
// the velocity field, what is particular to a machine is behind the kernels; what is left is the order of things.
// An update may be accumulated over several batches; together they are one large batch, whose samples are numbered through. Several ranks
// divide these numbers, exchange what came of their shares, and add their gradients: they update as one rank would.

using FlowBP.Settings;
using FlowBP.Surrogates;
using FlowBP.Training.Configuration;
using FlowBP.Training.FlowMatching;
using FlowBP.Training.Optimization;
using FlowBP.Training.Pipelines;
using FlowBP.Training.Ranks;
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
    private readonly StepInputSource source;
    private readonly FlowMatchingTerm? flowMatching;
    private readonly RankGroup ranks;
    private readonly RankExchange exchange;
    private readonly int samples;

    /// <summary>Nothing is trained yet; model and reward stay the caller's.</summary>
    /// <param name="config">The run.</param>
    /// <param name="model">The model; its transformer is trained in place.</param>
    /// <param name="imageReward">The training reward.</param>
    /// <param name="prompts">The training prompts.</param>
    /// <param name="ranks">
    /// The processes that train this model together, each with a trainer of the same settings and weights; null: this one alone.
    /// </param>
    /// <exception cref="InvalidSettingException">
    /// A setting asks for what this model's network does not do, or there are more ranks than samples.
    /// </exception>
    /// <exception cref="InvalidDataException">Data of the flow-matching loss can't be used; says which.</exception>
    public AlignmentTrainer(
        AlignmentConfig config,
        TextToImage model,
        IImageReward imageReward,
        IReadOnlyList<string> prompts,
        RankGroup? ranks = null
    )
    {
        this.ranks = ranks ?? RankGroup.Alone;
        exchange = new RankExchange(this.ranks);
        this.config = config;
        this.model = model;
        this.imageReward = imageReward;
        reward = new LatentReward(model.Model.Vae, imageReward);
        samples = config.GradientAccumulationSteps * config.TrainBatchSize;
        UpdateShare.RequireSamplesForAll(this.ranks, samples);
        this.prompts = new PromptOrder(prompts, config.PromptSeed);
        schedule = model.Schedule(config.RolloutSteps);
        source = new StepInputSource(config, model, imageReward, schedule);
        flowMatching = FlowMatchingTerm.Of(config, model, prompts, schedule);
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
            Shards = new TrainedShards(
                model.TrainedParameters,
                model.Masters?.Narrow,
                config.Ranks.Sharding,
                this.ranks
            );
            Optimizer = new FusedAdamW(
                Shards.Owned,
                config.Optimizer,
                model.Compute.Kernels,
                Shards.Copies,
                Shards.Spread
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

    /// <summary>The ranks that train this model together.</summary>
    public RankGroup Ranks => ranks;

    /// <summary>What of the parameters this rank updates.</summary>
    public TrainedShards Shards { get; }

    /// <summary>Training steps made; a step in which nothing pulled is none of <see cref="Optimizer"/>'s.</summary>
    public int StepsDone { get; private set; }

    /// <summary>
    /// The moving averages in the place of the weights, where they are kept, until the result is disposed. Where ranks divide them and one
    /// is lost, its part is lost with it: then the weights stay what they are.
    /// </summary>
    /// <exception cref="Distributed.RankLostException">A rank does not come to the exchange.</exception>
    public AveragedWeights Averaged() =>
        Shards.AreWhole ? new(Optimizer)
        : ranks.Lost is not null ? AveragedWeights.AsTheyAre
        : new(Optimizer, () => ranks.Order(new(RankTask.Exchange)));

    /// <summary>All parameters with what is kept of them, whole, also where ranks divide it: then joined for this.</summary>
    /// <exception cref="Distributed.RankLostException">A rank did not come in time.</exception>
    public IReadOnlyList<ParameterState> State()
    {
        if (Shards.AreWhole)
        {
            return Optimizer.State;
        }
        ranks.Order(new(RankTask.JoinState));
        return Shards.Joined(Optimizer.State);
    }

    /// <summary>One training step.</summary>
    /// <param name="step">Index of the step, from 0.</param>
    /// <exception cref="NonFiniteException">A velocity, reward or cotangent is not finite; nothing was updated.</exception>
    /// <exception cref="NonFiniteGradientException">A gradient is not finite; nothing was updated.</exception>
    /// <exception cref="RanksDifferException">The ranks' weights, which are compared now and then, are not the same.</exception>
    /// <exception cref="Distributed.RankLostException">A rank did not come in time.</exception>
    public StepReport Step(int step)
    {
        ranks.Order(new(RankTask.Step, step));
        var liveTensors = NativeMemory.LiveHandles;
        using var scope = torch.NewDisposeScope();
        model.Compute.PeakMemory.Reset();
        var clock = new PartClock(model.Compute);

        // What a step that failed has left is none of this one's.
        imageReward.TakeCurves();
        var (surrogate, curves) = AccumulateGradients(step, clock);
        var norm = GradientNorm();
        var learningRate = config.LearningRate.At(step);
        if (norm > 0)
        {
            Optimizer.Step(learningRate, norm);
        }
        else
        {
            // Every sample is past the hinge, or filtered: nothing pulls, so nothing moves (docs/methods.md §6).
            DropGradients();
        }
        StepsDone = step + 1;
        clock.Lap("optimizer");
        if (!ranks.IsAlone && config.Ranks.WeightsCheckInterval is { } every && StepsDone % every == 0)
        {
            WeightsCheck.Require(ranks, model.TrainedParameters, StepsDone);
            clock.Lap("weights_check");
        }

        return new()
        {
            Step = step + 1,
            Surrogate = surrogate,
            Rewards = curves,
            GradNorm = norm,
            LearningRate = learningRate,
            Seconds = clock.Total,
            SecondsByPart = clock.Parts,
            ImagesPerSecond = samples / clock.Total,
            PeakMemoryBytes = model.Compute.PeakMemory.Bytes,
            LiveTensors = liveTensors,
        };
    }

    /// <summary>Counts on from a number of steps: another run made them, or one of them is left out. Gradients are dropped.</summary>
    /// <param name="steps">Training steps made.</param>
    public void CountFrom(int steps)
    {
        ranks.Order(new(RankTask.CountFrom, steps));
        DropGradients();
        StepsDone = steps;
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
        return AccumulateGradients(step, new PartClock(model.Compute)).Surrogate;
    }

    private (SurrogateReport Surrogate, RewardCurves? Rewards) AccumulateGradients(int step, PartClock clock)
    {
        var shares = OnAllRanks(() => AccumulateShare(step, clock));
        AccumulatedBatch[] parts = [.. shares.SelectMany(share => share.Parts)];
        Shards.Multiply(AccumulatedBatch.Correction(parts));
        var report = AccumulatedBatch.Joined(parts);
        if (flowMatching is not null)
        {
            report = AddFlowMatching(flowMatching, report, step, clock);
        }
        Shards.SumGradients();
        var curves = shares
            .Where(share => share.Rewards is not null)
            .Select(share => (share.Rewards!, share.Parts.Sum(part => part.Samples)))
            .ToArray();
        return (report, curves.Length == 0 ? null : RewardCurves.Joined(curves));
    }

    // The gradient of this rank's samples.
    private RankShare AccumulateShare(int step, PartClock clock)
    {
        var texts = prompts.Next(step, samples);
        AccumulatedBatch[] parts =
        [
            .. UpdateShare
                .Of(ranks, samples)
                .Parts(config.TrainBatchSize)
                .Select(part => Accumulate([.. texts.Skip(part.First).Take(part.Count)], step, part.First, clock)),
        ];
        return new(parts, imageReward.TakeCurves());
    }

    // Once per update, after the batches: their correction for the filter is none of this loss's.
    private SurrogateReport AddFlowMatching(FlowMatchingTerm term, SurrogateReport report, int step, PartClock clock)
    {
        var shares = OnAllRanks(() => new FlowMatchingShare(term.Accumulate(executor, step, ranks)));
        clock.Lap("flow_matching");
        return report with
        {
            FlowMatchingLoss = shares.Sum(share => share.Report.Loss),
            FlowMatchingEvaluations = new(
                shares.Sum(share => share.Report.Evaluations.Calls),
                shares.Sum(share => share.Report.Evaluations.Samples)
            ),
        };
    }

    // Computes this rank's share, and has what came of it on every rank: all go on, or none does.
    private IReadOnlyList<T> OnAllRanks<T>(Func<T> compute)
        where T : class
    {
        if (ranks.IsAlone)
        {
            return [compute()];
        }
        T? own = null;
        NonFiniteException? failure = null;
        try
        {
            own = compute();
        }
        catch (NonFiniteException e)
        {
            failure = e;
        }
        return exchange.Outcomes(own, failure);
    }

    private double GradientNorm()
    {
        if (Shards.AreWhole)
        {
            return Optimizer.GradientNorm();
        }
        var squares = OnAllRanks(() => new OwnNorm(Optimizer.GradientNorm()));
        return Math.Sqrt(squares.Sum(own => own.Norm * own.Norm));
    }

    private void DropGradients()
    {
        Optimizer.ZeroGrad();
        Shards.DropGradients();
    }

    // Adds the gradient of one batch or a part of one, the samples from `first` on.
    private AccumulatedBatch Accumulate(IReadOnlyList<string> texts, int step, int first, PartClock clock)
    {
        using var scope = torch.NewDisposeScope();
        using var inputs = source.Draw(texts, step, first);
        clock.Lap("encode");
        using var rollout = executor.Rollout(inputs.Batch);
        clock.Lap("rollout");
        var weights = executor.Weigh(inputs.Batch, rollout);
        clock.Lap("weigh");
        var images = (double)samples * inputs.Batch.Plan.Samples[0].RewardInput.Rows;
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
        using var anchor = executor.Anchor(inputs.Batch, rollout, weights, samples);
        if (anchor is not null)
        {
            clock.Lap("anchor");
        }
        var products = executor.AccumulateGradients(inputs.Batch, rollout, gradient, anchor);
        clock.Lap("vjps");
        var report = SurrogateReport.Of(schedule, inputs.Batch.Plan, rollout, weights, gradient, products, anchor);
        // A draw that serves a batch is told once, with the batch's first sample.
        var isTold = config.IndexDraw == DrawScope.PerBatch && first % config.TrainBatchSize != 0;
        return new(isTold ? report with { Indices = [] } : report, texts.Count, weights.Kept);
    }

    private sealed record RankShare(IReadOnlyList<AccumulatedBatch> Parts, RewardCurves? Rewards);

    private sealed record FlowMatchingShare(FlowMatchingReport Report);

    private sealed record OwnNorm(double Norm);
}
