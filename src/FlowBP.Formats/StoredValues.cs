// From mapped pages into a tensor, exactly once. Where type and place agree, or bfloat16 becomes a single, the values go
// straight into the tensor's own memory; otherwise they pass through a buffer of some megabytes that libtorch converts. Values
// are looked at in the same pass: another one would read everything from memory once more.

namespace FlowBP.Formats;

internal static unsafe class StoredValues
{
    private const long PieceBytes = 2L << 20;
    private const long BufferBytes = 32L << 20;

    /// <summary>Copies row-major values.</summary>
    /// <param name="source">The first value.</param>
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
        if (destination.device_type == DeviceType.META)
        {
            throw new ArgumentException($"tensor '{stored.Name}' can't be copied to meta, where nothing has memory");
        }
        if (stored.Bytes == 0)
        {
            return;
        }
        using var scope = torch.NewDisposeScope();
        using var noGrad = torch.no_grad();
        var direct = destination.device_type == DeviceType.CPU && CheckedCopy.Knows(stored.Type, destination.dtype);
        if (!destination.is_contiguous())
        {
            var rows = torch.empty(stored.Shape, stored.Type);
            Copy(source, stored, rows, check, mapped);
            destination.copy_(rows);
        }
        else if (direct)
        {
            var target = (byte*)TensorPointer.Of(destination);
            CopyElements(source, target, destination.dtype, destination.numel(), stored, check, mapped);
            GC.KeepAlive(destination);
        }
        else
        {
            Convert(source, stored, destination.view(-1), check, mapped);
        }
    }

    private static void Convert(byte* source, StoredTensor stored, Tensor flat, ValueCheck check, bool mapped)
    {
        var size = ElementTypes.Size(stored.Type);
        var count = flat.numel();
        var pieceCount = Math.Min(count, BufferBytes / size);
        using var buffer = torch.empty([pieceCount], stored.Type);
        for (long offset = 0; offset < count; offset += pieceCount)
        {
            var taken = Math.Min(pieceCount, count - offset);
            var target = (byte*)TensorPointer.Of(buffer);
            CopyElements(source + offset * size, target, stored.Type, taken, stored, check, mapped, offset);
            using var from = buffer.narrow(0, 0, taken);
            using var to = flat.narrow(0, offset, taken);
            to.copy_(from);
        }
    }

    // Pieces in parallel: one core alone does not reach the speed of the memory.
    private static void CopyElements(
        byte* source,
        byte* destination,
        ScalarType type,
        long count,
        StoredTensor stored,
        ValueCheck check,
        bool mapped,
        long firstElement = 0
    )
    {
        var sourceSize = ElementTypes.Size(stored.Type);
        var targetSize = ElementTypes.Size(type);
        var pieceCount = PieceBytes / sourceSize;
        var pieces = (int)((count + pieceCount - 1) / pieceCount);
        var refused = long.MaxValue;
        var next = -1;
        Lock disk = new();
        var workers = Math.Min(pieces, Environment.ProcessorCount);
        if (workers == 1)
        {
            CopyPieces(0);
        }
        else
        {
            Parallel.For(0, workers, CopyPieces);
        }
        if (refused != long.MaxValue)
        {
            throw Refused(stored, firstElement + refused, check);
        }

        void CopyPieces(int worker)
        {
            for (int piece; (piece = Interlocked.Increment(ref next)) < pieces; )
            {
                CopyPiece(piece);
            }
        }

        void CopyPiece(int piece)
        {
            var first = piece * pieceCount;
            var taken = (int)Math.Min(pieceCount, count - first);
            var from = source + first * sourceSize;
            if (mapped)
            {
                // One at a time and in order: a disk reads ahead along one line, not along several.
                lock (disk)
                {
                    MappedFile.Announce(from, (long)taken * sourceSize);
                }
            }
            var bad = CheckedCopy.Copy(from, stored.Type, destination + first * targetSize, type, taken, check);
            if (bad >= 0)
            {
                Least(ref refused, first + bad);
            }
            // Neighbours on a shared page may be given back too; they are read again when they are touched.
            if (mapped && taken == pieceCount)
            {
                MappedFile.GiveBack(from, PieceBytes);
            }
        }
    }

    private static void Least(ref long least, long value)
    {
        var seen = Interlocked.Read(ref least);
        while (value < seen)
        {
            var before = Interlocked.CompareExchange(ref least, value, seen);
            if (before == seen)
            {
                return;
            }
            seen = before;
        }
    }

    private static CheckpointException Refused(StoredTensor stored, long element, ValueCheck check)
    {
        var expected = check == ValueCheck.Finite ? "finite numbers only" : "no NaN";
        var what = check == ValueCheck.Finite ? "NaN or infinity" : "NaN";
        return CheckpointException.ForTensor(
            stored.File,
            stored.Name,
            $"{what} at element {element} of {stored}",
            $"{expected}: the file is damaged, or training diverged before it was written"
        );
    }
}
