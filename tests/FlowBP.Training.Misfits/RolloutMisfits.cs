// Noise and steps of a rollout.

using FlowBP.Kernels;
using FlowBP.Surrogates;
using static FlowBP.Tests.Misfits.Given;
using static FlowBP.Tests.Misfits.Misfit;

namespace FlowBP.Tests.Misfits;

/// <summary>Calls of the rollout.</summary>
internal static class RolloutMisfits
{
    public static IEnumerable<Misfit> All() =>
        [
            Rolled("disposed noise", Disposed, "noise", "disposed"),
            Rolled("noise on meta", () => Meta(Batch, 3, 2, 2), "noise", "meta"),
            Rolled("noise of one number", () => torch.tensor(1f), "noise", "[]"),
            Rolled("noise of integers", () => torch.ones([Batch, 3, 2, 2], ScalarType.Int64), "noise", "Int64"),
            Rolled("noise of no samples", () => torch.ones(0, 3, 2, 2), "noise", "[0, 3, 2, 2]"),
            Rolled("noise of another batch", () => torch.ones(3, 3, 2, 2), "batch", "3", "2"),
            Rolled("strided noise", () => torch.ones(3, Batch, 2, 2).transpose(0, 1)),
            Rolled("noise that requires gradients", () => Latents().requires_grad_()),
            Of(
                "rollout of more steps than there are",
                () =>
                    new Rollout(Field((x, w) => x * w), Schedule, new CpuLatentKernels()).Run(
                        Latents(),
                        Condition(),
                        [3, 4]
                    ),
                "4",
                "3"
            ),
            Of(
                "rollout of other samples' steps",
                () =>
                    new Rollout(Field((x, w) => x * w), Schedule, new CpuLatentKernels()).Run(
                        Latents(),
                        Condition(),
                        [3]
                    ),
                "1",
                "2"
            ),
        ];

    private static Misfit Rolled(string what, Func<Tensor> noise, params string[] said) =>
        Of($"rollout from {what}", () => Roll(noise(), Field((x, w) => x * w)), said);
}
