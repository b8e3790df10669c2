// The optimizer reads parameters, gradients, averages and copies by their addresses.

using FlowBP.Kernels;
using FlowBP.Training.Optimization;
using static FlowBP.Tests.Misfits.Given;
using static FlowBP.Tests.Misfits.Misfit;

namespace FlowBP.Tests.Misfits;

/// <summary>Calls of the optimizer.</summary>
internal static class OptimizerMisfits
{
    public static IEnumerable<Misfit> All() =>
        [
            Of(
                "optimizer of a disposed parameter",
                () => Optimizer(Spoiled(Weight(), p => p.Dispose())),
                "parameter w",
                "disposed"
            ),
            Of("optimizer of a meta parameter", () => Optimizer(nn.Parameter(Meta(2))), "parameter w", "meta"),
            Of("optimizer of a strided parameter", () => Optimizer(nn.Parameter(Strided())), "parameter w", "strided"),
            Of(
                "optimizer of a narrow parameter",
                () => Optimizer(nn.Parameter(torch.ones([2], ScalarType.BFloat16))),
                "parameter w",
                "float32 or float64 masters, found BFloat16"
            ),
            Of(
                "optimizer with a copy of another shape",
                () => Optimizer(Weight(), torch.ones([3], ScalarType.BFloat16)),
                "copy of w is BFloat16 [3]",
                "[2]"
            ),
            Of("optimizer with a disposed copy", () => Optimizer(Weight(), Disposed()), "copy of w", "disposed"),
            Stepped(
                "a gradient of another type",
                p => p.grad = torch.ones([2], ScalarType.BFloat16),
                "gradient of w",
                "BFloat16 [2]"
            ),
            Stepped("a gradient of fewer elements", p => p.grad = torch.ones(1), "gradient of w", "[1]", "[2]"),
            Stepped("a gradient of more elements", p => p.grad = torch.ones(3), "gradient of w", "[3]", "[2]"),
            Stepped("a gradient on meta", p => p.grad = Meta(2), "gradient of w", "meta"),
            Stepped(
                "a parameter of another type",
                p =>
                {
                    p.Become(torch.ones([2], ScalarType.BFloat16));
                    p.grad = torch.ones([2], ScalarType.BFloat16);
                },
                "w",
                "BFloat16 [2]",
                "Float32 [2]"
            ),
            Stepped(
                "a parameter of fewer elements",
                p =>
                {
                    p.Become(torch.ones(1));
                    p.grad = torch.ones(1);
                },
                "w",
                "[1]",
                "[2]"
            ),
            Stepped("a disposed parameter", p => p.Dispose(), "w", "disposed"),
            Stepped("a strided gradient", p => p.grad = torch.ones(1).expand(2)),
            Of(
                "averages of a disposed parameter",
                () =>
                {
                    var parameter = Weight();
                    using var optimizer = Optimizer(parameter);
                    parameter.Dispose();
                    optimizer.SwapWithEma();
                },
                "w",
                "disposed"
            ),
            Of(
                "masters of a disposed parameter",
                () => new ComputeCopy(Spoiled(Linear(), p => p.Dispose())),
                "disposed"
            ),
        ];

    private static Misfit Stepped(string what, Action<Parameter> spoil, params string[] said) =>
        Of(
            $"optimizer step with {what}",
            () =>
            {
                var parameter = Weight();
                parameter.grad = torch.ones(2);
                using var optimizer = Optimizer(parameter);
                spoil(parameter);
                optimizer.Step(0.1, 1);
            },
            said
        );

    private static FusedAdamW Optimizer(Parameter parameter, Tensor? copy = null) =>
        new(
            [("w", parameter)],
            new(),
            new CpuLatentKernels(),
            copy is null ? null : new Dictionary<string, Tensor> { ["w"] = copy }
        );
}
