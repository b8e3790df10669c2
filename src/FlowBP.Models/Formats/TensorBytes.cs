// Tensors larger than a Span can describe (2 GiB) are read and written in flat pieces; this is the one place that knows.

namespace FlowBP.Models.Formats;

internal delegate void FillPiece(long offset, Span<byte> piece);

internal delegate void TakePiece(ReadOnlySpan<byte> piece);

internal static class TensorBytes
{
    private const long PieceBytes = 1L << 30;

    /// <summary>Hands the memory of a contiguous CPU tensor to <paramref name="fill"/>, piece by piece.</summary>
    public static void Fill(Tensor tensor, FillPiece fill)
    {
        int size = tensor.dtype.ToSafetensorsType().Size();
        Visit(tensor, (piece, offset) => fill(offset * size, piece.bytes));
    }

    /// <summary>Hands a tensor's bytes, contiguous and on the CPU, to <paramref name="take"/>, piece by piece.</summary>
    public static void Take(Tensor tensor, TakePiece take)
    {
        using var scope = torch.NewDisposeScope();
        Visit(tensor.detach().cpu().contiguous(), (piece, _) => take(piece.bytes));
    }

    private static void Visit(Tensor tensor, Action<Tensor, long> visit)
    {
        using var scope = torch.NewDisposeScope();
        using var noGrad = torch.no_grad();
        long count = tensor.numel();
        long pieceCount = PieceBytes / tensor.dtype.ToSafetensorsType().Size();
        Tensor flat = tensor.view(-1);
        for (long offset = 0; offset < count; offset += pieceCount)
        {
            visit(flat.narrow(0, offset, Math.Min(pieceCount, count - offset)), offset);
        }
    }
}
