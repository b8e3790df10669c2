// What all blocks read gets a gradient from every one of them. The sum of dozens of terms is where narrow types lose most,
// so it is kept in float32 at least.

namespace FlowBP.Surrogates;

/// <summary>Gradients of the shared streams, summed over the segments.</summary>
/// <param name="shared">The streams, with the embedding's graph.</param>
internal sealed class SharedGradients(IReadOnlyList<Tensor> shared)
{
    private readonly Tensor?[] sums = new Tensor?[shared.Count];

    /// <summary>The sums so far; null: no segment depended on the stream.</summary>
    public IReadOnlyList<Tensor?> Sums => sums;

    /// <summary>The streams as leaves of a segment's own graph.</summary>
    public Tensor[] Leaves() => [.. shared.Select(stream => stream.detach().requires_grad_(stream.requires_grad))];

    /// <summary>Adds a segment's gradients.</summary>
    /// <param name="gradients">One per stream, or null.</param>
    public void Add(IReadOnlyList<Tensor?> gradients)
    {
        using var noGrad = torch.no_grad();
        for (var i = 0; i < sums.Length; i++)
        {
            if (gradients[i] is not { } gradient)
            {
                continue;
            }
            if (sums[i] is { } sum)
            {
                sum.add_(gradient);
            }
            else
            {
                // A copy: a gradient of autograd's may be expanded, or share its memory with another one.
                sums[i] = gradient.to(AccumulationType.Of(gradient), copy: true).MoveToOuterDisposeScope();
            }
        }
    }
}
