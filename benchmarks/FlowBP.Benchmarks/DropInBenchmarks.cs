// What somebody with a trainer of their own gains by the fused optimizer: clipping, AdamW and the moving average of 8 M parameters
// as the tensor library offers them, against one pass; in a few large tensors and in many small ones, where it is the calls that
// take the time.

using FlowBP.Kernels;
using FlowBP.Training.Optimization;

namespace FlowBP.Benchmarks;

internal sealed class DropInBenchmarks : IDisposable
{
    private const long Elements = 8_000_000;
    private const double EmaDecay = 0.995;
    private const double Rate = 1e-5;

    private readonly Parameter[] theirs;
    private readonly Parameter[] ours;
    private readonly Tensor[] averages;
    private readonly Tensor[] gradients;
    private readonly IDisposable optimizer;
    private readonly Action step;
    private readonly FusedAdamW fused;

    public DropInBenchmarks(int tensors)
    {
        Title = $"Clipping, AdamW and moving average of {Elements:N0} parameters in {tensors:N0} tensors";
        theirs = Parameters(tensors);
        ours = Parameters(tensors);
        averages = [.. theirs.Select(parameter => parameter.detach().clone())];
        gradients = [.. theirs.Select(parameter => torch.full(parameter.shape, 1e-3))];
        // Its type has another name with each provider.
        var adamW = torch.optim.AdamW(theirs, Rate, weight_decay: 1e-4);
        optimizer = adamW;
        step = () =>
        {
            adamW.step();
            adamW.zero_grad();
        };
        fused = new FusedAdamW(
            ours.Select((parameter, i) => ($"p{i}", parameter)),
            new() { WeightDecay = 1e-4, EmaDecay = EmaDecay },
            new CpuLatentKernels()
        );
    }

    public string Title { get; }

    public Variant[] Variants() =>
        [
            new("fused: FusedAdamW", 38.0 * Elements, Fused) { Before = () => Give(ours) },
            new($"{TorchLibrary.Provider}: clip_grad_norm_, AdamW, lerp_", 38.0 * Elements, Separate)
            {
                Before = () => Give(theirs),
            },
        ];

    public void Dispose()
    {
        optimizer.Dispose();
        fused.Dispose();
        foreach (var tensor in theirs.Concat<Tensor>(ours).Concat(averages).Concat(gradients))
        {
            tensor.Dispose();
        }
    }

    private void Fused() => fused.Step(Rate, fused.GradientNorm());

    private void Separate()
    {
        using var scope = torch.NewDisposeScope();
        nn.utils.clip_grad_norm_(theirs, 1);
        step();
        using (torch.no_grad())
        {
            for (var i = 0; i < theirs.Length; i++)
            {
                averages[i].lerp_(theirs[i], 1 - EmaDecay);
            }
        }
    }

    private void Give(Parameter[] parameters)
    {
        for (var i = 0; i < parameters.Length; i++)
        {
            parameters[i].grad = gradients[i].clone();
        }
    }

    private static Parameter[] Parameters(int tensors) =>
        [
            .. Enumerable
                .Range(0, tensors)
                .Select(_ =>
                {
                    var parameter = nn.Parameter(torch.ones([Elements / tensors]));
                    parameter.DetachFromDisposeScope();
                    return parameter;
                }),
        ];
}
