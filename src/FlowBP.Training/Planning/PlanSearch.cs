// What to change where a run does not fit. Settings that trade memory for something else are tried cheapest first: precomputed
// embeddings cost a run beforehand, recomputing costs a forward per product, sharding costs traffic between GPUs; LoRA trains
// something else, and more GPUs are a matter of having them. Under each combination the phases that are still too large go
// through in smaller chunks, each on its own: that costs nothing but width.

namespace FlowBP.Training.Planning;

/// <summary>Settings that fit, and what they change.</summary>
/// <param name="Request">The run with them.</param>
/// <param name="Plan">Its prediction.</param>
/// <param name="Changes">What differs from the run that was asked for, as it would be typed.</param>
public sealed record FittingSettings(PlanRequest Request, RunPlan Plan, IReadOnlyList<string> Changes);

/// <summary>Looks for settings that fit.</summary>
public static class PlanSearch
{
    // Costs that order the combinations: each kind outweighs all cheaper ones together.
    private const int PrecomputedCost = 1;
    private const int DecodeCost = 4;
    private const int RecomputationCost = 10;
    private const int ShardingCost = 100;

    private const int DefaultRank = 32;
    private const int MostGpus = 1024;

    private sealed record Variant(int Cost, IReadOnlyList<string> Changes, PlanRequest Request);

    /// <summary>
    /// At most three ways, cheapest first: other settings of this training; LoRA in place of it; more GPUs, where the first is
    /// none.
    /// </summary>
    /// <param name="request">A run that does not fit.</param>
    /// <returns>Empty where nothing fits.</returns>
    public static IReadOnlyList<FittingSettings> Find(PlanRequest request)
    {
        List<FittingSettings> found = [];
        if (Cheapest(new(0, [], request)) is { } here)
        {
            found.Add(here);
        }
        if (request.LoraRank is null)
        {
            var adapters = request with { LoraRank = DefaultRank };
            if (Cheapest(new(0, [$"--lora_rank {DefaultRank}"], adapters)) is { } smaller)
            {
                found.Add(smaller);
            }
        }
        for (var gpus = request.Gpus * 2; found.Count < 2 && gpus <= MostGpus; gpus *= 2)
        {
            if (found.Any(fitting => fitting.Request.LoraRank == request.LoraRank))
            {
                break;
            }
            var spread = request with { Gpus = gpus, Sharding = Sharding.Full };
            if (Cheapest(new(0, [$"--gpus {gpus}", "--sharding full"], spread)) is { } spreading)
            {
                found.Add(spreading);
                break;
            }
        }
        return found;
    }

    /// <summary>The run that needs least, one sample at a time: how far away a fit is.</summary>
    /// <param name="request">A run that does not fit.</param>
    public static FittingSettings Smallest(PlanRequest request) =>
        Variants(new(0, [], request))
            .Select(variant => Narrowed(variant, toTheEnd: true))
            .MinBy(fitting => fitting.Plan.PeakBytes)!;

    private static FittingSettings? Cheapest(Variant asked) =>
        Variants(asked)
            .OrderBy(variant => variant.Cost)
            .Select(variant => Narrowed(variant, toTheEnd: false))
            .FirstOrDefault(fitting => fitting.Plan.Fits);

    // Halves the chunks of the phases that don't fit, until all do or a phase has one sample.
    private static FittingSettings Narrowed(Variant variant, bool toTheEnd)
    {
        var request = variant.Request;
        while (true)
        {
            var plan = new RunPlan(request);
            var room = toTheEnd ? 0 : request.GpuMemoryBytes - plan.Resident.Sum(part => part.Bytes);
            var narrower = request with
            {
                RolloutChunk = Half(plan, 0, room, request.RolloutChunk, request.SamplesPerGpu),
                RewardChunk = Half(plan, 1, room, request.RewardChunk, request.SamplesPerGpu * plan.Cost.Images),
                VjpChunk = Half(plan, 2, room, request.VjpChunk, request.SamplesPerGpu),
            };
            if (room < 0 && !toTheEnd || narrower == request)
            {
                return new(request, plan, [.. variant.Changes, .. Chunks(variant.Request, request)]);
            }
            request = narrower;
        }
    }

    private static int? Half(RunPlan plan, int phase, double room, int? chunk, int most)
    {
        var width = Math.Min(chunk ?? most, most);
        return plan.Phases[phase].Bytes > room && width > 1 ? (width + 1) / 2 : chunk;
    }

    private static IEnumerable<string> Chunks(PlanRequest asked, PlanRequest narrowed)
    {
        (string Name, int? Asked, int? Narrowed)[] chunks =
        [
            ("rollout_batch_size", asked.RolloutChunk, narrowed.RolloutChunk),
            ("reward_batch_size", asked.RewardChunk, narrowed.RewardChunk),
            ("vjp_batch_size", asked.VjpChunk, narrowed.VjpChunk),
        ];
        return chunks.Where(chunk => chunk.Asked != chunk.Narrowed).Select(chunk => $"--{chunk.Name} {chunk.Narrowed}");
    }

    private static IEnumerable<Variant> Variants(Variant asked)
    {
        IEnumerable<Variant> variants = [asked];
        return variants
            .SelectMany(Encodings)
            .SelectMany(Decoding)
            .SelectMany(Keeping)
            .SelectMany(Recomputation)
            .SelectMany(Shardings);
    }

    private static IEnumerable<Variant> Encodings(Variant variant) =>
        variant.Request.TextEncoding == TextEncoding.Resident && variant.Request.Model.TextEncoders.Count > 0
            ?
            [
                variant,
                With(
                    variant,
                    PrecomputedCost,
                    "--text_encoders precomputed",
                    variant.Request with
                    {
                        TextEncoding = TextEncoding.Precomputed,
                    }
                ),
            ]
            : [variant];

    private static IEnumerable<Variant> Decoding(Variant variant) =>
        variant.Request.RecomputesDecode
            ? [variant]
            :
            [
                variant,
                With(variant, DecodeCost, "--recompute_decode", variant.Request with { RecomputesDecode = true }),
            ];

    private static IEnumerable<Variant> Keeping(Variant variant) =>
        variant.Request.ReusesRolloutBlocks
            ?
            [
                variant,
                With(
                    variant,
                    RecomputationCost,
                    "--reuse_rollout_blocks off",
                    variant.Request with
                    {
                        ReusesRolloutBlocks = false,
                    }
                ),
            ]
            : [variant];

    private static IEnumerable<Variant> Recomputation(Variant variant) =>
        variant.Request.SegmentBlocks is 1
            ? [variant]
            :
            [
                variant,
                With(
                    variant,
                    RecomputationCost,
                    "--gradient_checkpointing blocks",
                    variant.Request with
                    {
                        SegmentBlocks = 1,
                    }
                ),
            ];

    private static IEnumerable<Variant> Shardings(Variant variant) =>
        variant.Request is { Gpus: > 1, Sharding: Sharding.None }
            ?
            [
                variant,
                With(variant, ShardingCost, "--sharding full", variant.Request with { Sharding = Sharding.Full }),
            ]
            : [variant];

    private static Variant With(Variant variant, int cost, string change, PlanRequest request) =>
        new(variant.Cost + cost, [.. variant.Changes, change], request);
}
