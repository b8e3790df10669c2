namespace FlowBP.Surrogates;

/// <summary>Parts of a batch.</summary>
public static class BatchRows
{
    /// <summary>Some rows of a tensor [B, …], a view.</summary>
    /// <param name="tensor_B">The tensor.</param>
    /// <param name="rows">Counted from the start.</param>
    public static Tensor Rows(this Tensor tensor_B, Range rows) =>
        tensor_B.narrow(0, rows.Start.Value, rows.End.Value - rows.Start.Value);
}
