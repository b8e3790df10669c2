// From mapped pages into a tensor, exactly once. Where type and place agree the bytes go straight into the tensor's own
// memory; otherwise they pass through a buffer of a few megabytes that libtorch converts. Values are looked at in the same
// pass, chunk by chunk while they are in the cache: a separate pass would read everything from memory once more.

namespace FlowBP.Models.Formats;

internal static unsafe class StoredValues
{
    private const long PieceBytes = 8L << 20;
    private const int ChunkBytes = 128 << 10;

    /// <summary>Copies row-major values.</summary>
    /// <param name="source">The first value, in mapped memory if <paramref name="mapped"/>.</param>
    /// <param name="stored">Name, type, shape and file.</param>
    /// <param name="destination">A tensor of that shape.</param>
    /// <param name="check">Which values are refused.</param>
    /// <param name="mapped">Whether the pages are a file's, to be announced and given back.</param>
    /// <exception cref="CheckpointException">A value is refused; it names the tensor.</exception>
    public static void Copy(byte* source, StoredTensor stored, Tensor destination, ValueCheck check, bool mapped)
    {
        if (!destination.shape.AsSpan().SequenceEqual(stored.Shape))
        {
            throw CheckpointException.ForTensor(
                stored.File,
                stored.Name,
                CheckpointException.Shape(stored.Shape),
                CheckpointException.Shape(destination.shape)
            );
        }
        long bytes = stored.Bytes;
        if (bytes == 0)
        {
            return;
        }
        using var scope = torch.NewDisposeScope();
        using var noGrad = torch.no_grad();
        bool same = destination.dtype == stored.Type && destination.device_type == DeviceType.CPU;
        if (!destination.is_contiguous())
        {
            Tensor rows = torch.empty(stored.Shape, stored.Type);
            Copy(source, stored, rows, check, mapped);
            destination.copy_(rows);
        }
        else if (same)
        {
            CopyBytes(source, (byte*)TensorPointer.Of(destination), bytes, stored, check, mapped);
            GC.KeepAlive(destination);
        }
        else
        {
            Convert(source, stored, destination.view(-1), check, mapped);
        }
    }

    private static void Convert(byte* source, StoredTensor stored, Tensor flat, ValueCheck check, bool mapped)
    {
        int size = ElementTypes.Size(stored.Type);
        long count = flat.numel();
        long pieceCount = Math.Min(count, 4 * PieceBytes / size);
        using Tensor buffer = torch.empty([pieceCount], stored.Type);
        for (long offset = 0; offset < count; offset += pieceCount)
        {
            long taken = Math.Min(pieceCount, count - offset);
            byte* piece = source + offset * size;
            CopyBytes(piece, (byte*)TensorPointer.Of(buffer), taken * size, stored, check, mapped, offset);
            using Tensor from = buffer.narrow(0, 0, taken);
            using Tensor to = flat.narrow(0, offset, taken);
            to.copy_(from);
        }
    }

    // Pieces in parallel: one core alone does not reach the speed of the memory.
    private static void CopyBytes(
        byte* source,
        byte* destination,
        long bytes,
        StoredTensor stored,
        ValueCheck check,
        bool mapped,
        long firstElement = 0
    )
    {
        int pieces = (int)((bytes + PieceBytes - 1) / PieceBytes);
        int size = ElementTypes.Size(stored.Type);
        long refused = long.MaxValue;
        if (pieces == 1)
        {
            CopyPiece(0);
        }
        else
        {
            Parallel.For(0, pieces, CopyPiece);
        }
        if (refused != long.MaxValue)
        {
            throw Refused(stored, firstElement + refused, check);
        }

        void CopyPiece(int piece)
        {
            long offset = piece * PieceBytes;
            long length = Math.Min(PieceBytes, bytes - offset);
            if (mapped)
            {
                MappedFile.Announce(source + offset, length);
            }
            for (long at = offset; at < offset + length; at += ChunkBytes)
            {
                int chunk = (int)Math.Min(ChunkBytes, offset + length - at);
                var copied = new Span<byte>(destination + at, chunk);
                new ReadOnlySpan<byte>(source + at, chunk).CopyTo(copied);
                long bad = FiniteValues.FirstRefused(copied, stored.Type, check);
                if (bad >= 0)
                {
                    Least(ref refused, at / size + bad);
                    break;
                }
            }
            // Neighbours on a shared page may be given back too; they are read again when they are touched.
            if (mapped && length == PieceBytes)
            {
                MappedFile.GiveBack(source + offset, length);
            }
        }
    }

    private static void Least(ref long least, long value)
    {
        long seen = Interlocked.Read(ref least);
        while (value < seen)
        {
            long before = Interlocked.CompareExchange(ref least, value, seen);
            if (before == seen)
            {
                return;
            }
            seen = before;
        }
    }

    private static CheckpointException Refused(StoredTensor stored, long element, ValueCheck check)
    {
        string expected = check == ValueCheck.Finite ? "finite numbers only" : "no NaN";
        string what = check == ValueCheck.Finite ? "NaN or infinity" : "NaN";
        return CheckpointException.ForTensor(
            stored.File,
            stored.Name,
            $"{what} at element {element} of {stored}",
            $"{expected}: the file is damaged, or training diverged before it was written"
        );
    }
}
