// Tensors larger than a Span can describe (2 GiB) are written in flat pieces; this is the one place that knows.

namespace FlowBP.Formats;

internal delegate void TakePiece(ReadOnlySpan<byte> piece);

internal static class TensorBytes
{
    private const long PieceBytes = 1L << 30;

    /// <summary>Hands a tensor's bytes, contiguous and on the CPU, to <paramref name="take"/>, piece by piece.</summary>
    public static void Take(Tensor tensor, TakePiece take)
    {
        using var scope = torch.NewDisposeScope();
        Visit(tensor.detach().cpu().contiguous(), piece => take(piece.bytes));
    }

    private static void Visit(Tensor tensor, Action<Tensor> visit)
    {
        using var scope = torch.NewDisposeScope();
        using var noGrad = torch.no_grad();
        var count = tensor.numel();
        var pieceCount = PieceBytes / tensor.dtype.ToSafetensorsType().Size();
        var flat = tensor.view(-1);
        for (long offset = 0; offset < count; offset += pieceCount)
        {
            visit(flat.narrow(0, offset, Math.Min(pieceCount, count - offset)));
        }
    }
}
