// What a field is given, and what a network of one's own gives back.

using FlowBP.Surrogates;
using static FlowBP.Tests.Misfits.Given;
using static FlowBP.Tests.Misfits.Misfit;

namespace FlowBP.Tests.Misfits;

/// <summary>Calls of fields.</summary>
internal static class FieldMisfits
{
    public static IEnumerable<Misfit> Conditionings() =>
        [
            Of("conditioning of a scalar", () => new Conditioning("c", torch.tensor(1f)), "'c'", "batch"),
            Of("conditioning of a disposed tensor", () => new Conditioning("c", Disposed()), "'c'", "disposed"),
            Of(
                "conditioning of two batches",
                () => new Conditioning([new("a", torch.ones(2, 1)), new("b", torch.ones(3, 1))]),
                "'b' has batch 3",
                "'a' has 2"
            ),
            Of(
                "samples that a conditioning has not",
                () => new Conditioning("c", torch.ones(2, 1)).Select([0, 5]),
                "sample 5",
                "2"
            ),
        ];

    public static IEnumerable<Misfit> Fields()
    {
        yield return Evaluated(
            "a velocity of another shape",
            (x, _) => x.flatten(1),
            "velocity",
            "[2, 12]",
            "[2, 3, 2, 2]"
        );
        yield return Evaluated("a velocity of one number", (x, _) => x.sum(), "velocity", "[]", "[2, 3, 2, 2]");
        yield return Evaluated(
            "a velocity of one channel",
            (x, _) => x.mean([1], keepdim: true),
            "velocity",
            "[2, 1, 2, 2]"
        );
        yield return Evaluated("no velocity", (_, _) => null!, "velocity");
        yield return Evaluated("a disposed velocity", (_, _) => Disposed(), "velocity", "disposed");
        yield return Evaluated("a velocity on meta", (_, _) => Meta(2, 3, 2, 2), "velocity", "meta");
        yield return Evaluated("a velocity of integers", (x, _) => x.to(ScalarType.Int64), "velocity", "Int64");
        yield return Evaluated("a network that throws", (_, _) => throw new ArgumentException("mine"), "mine");
        yield return Pulled("a velocity of another shape", (x, w) => (x * w).flatten(1), "velocity", "[2, 12]");
        yield return Pulled("a velocity without gradients", (x, _) => x.detach() * 2, "velocity", "gradient");
        yield return Of(
            "pullback of a cotangent of another shape",
            () => Field((x, w) => x * w).Vjp(Latents(), torch.ones(Batch), Condition(), torch.ones(Batch), true),
            "cotangent",
            "[2]",
            "[2, 3, 2, 2]"
        );
        yield return Of(
            "pullback of a disposed cotangent",
            () => Field((x, w) => x * w).Vjp(Latents(), torch.ones(Batch), Condition(), Disposed(), true),
            "cotangent",
            "disposed"
        );
        yield return Of(
            "velocity of disposed latents",
            () => Field((x, w) => x * w).Evaluate(Disposed(), torch.ones(Batch), Condition()),
            "latents",
            "disposed"
        );
        yield return Of(
            "velocity of a batch in parts of another shape",
            () =>
            {
                using var workers = new BatchWorkers(2);
                VelocityField
                    .Of(Linear(), (_, x, _, _) => x.flatten(1), workers)
                    .Evaluate(Latents(), torch.ones(Batch), Condition());
            },
            "velocity",
            "12]"
        );
    }

    private static Misfit Evaluated(string what, Func<Tensor, Tensor, Tensor> forward, params string[] said) =>
        Of($"rollout of {what}", () => Roll(Latents(), Field(forward)), said);

    private static Misfit Pulled(string what, Func<Tensor, Tensor, Tensor> forward, params string[] said) =>
        Of(
            $"pullback of {what}",
            () => Field(forward).Vjp(Latents(), torch.ones(Batch), Condition(), Latents(), true),
            said
        );
}
