// What a call costs beside its arithmetic: ten thousand sums of 16 numbers. One process has one provider, so the two are compared
// by running this with each.

namespace FlowBP.Benchmarks;

internal sealed class CallBenchmarks : IDisposable
{
    private const int Calls = 10_000;

    private readonly Tensor left = torch.ones([16]);
    private readonly Tensor right = torch.ones([16]);

    public static string Title => $"{Calls:N0} calls on tensors of 16 elements, {TorchLibrary.Provider}";

    public Variant[] Variants() =>
        [
            new("add", 192.0 * Calls, () => Repeat(() => left.add(right).Dispose())),
            new("address of a tensor", 8.0 * Calls, () => Repeat(() => TensorPointer.Of(left))),
        ];

    public void Dispose()
    {
        left.Dispose();
        right.Dispose();
    }

    private static void Repeat(Action action)
    {
        for (var i = 0; i < Calls; i++)
        {
            action();
        }
    }
}
