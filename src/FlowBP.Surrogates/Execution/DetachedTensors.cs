// A tensor that outlives every dispose scope belongs to whoever holds it. While several of them are made, nobody holds the first
// ones yet: where a later one can't be made, for want of memory, they would stay for as long as the process.

namespace FlowBP.Surrogates;

/// <summary>Tensors that were taken out of every dispose scope: disposed, unless somebody has taken all of them.</summary>
internal sealed class DetachedTensors : IDisposable
{
    private readonly List<Tensor> tensors = [];

    /// <summary>Takes a tensor out of its scope.</summary>
    /// <returns>The tensor.</returns>
    public Tensor Add(Tensor tensor)
    {
        tensors.Add(tensor.DetachFromDisposeScope());
        return tensor;
    }

    /// <summary>The tensors belong to somebody from now on.</summary>
    public void Finish() => tensors.Clear();

    /// <inheritdoc/>
    public void Dispose() => tensors.ForEach(tensor => tensor.Dispose());
}
