// The stack machine. It is a loop over bytes with a stack, a list of marks and a memo, all of them limited; it never calls
// itself, so nesting can't exhaust the thread's stack; values are shared and never copied, so that a memo that refers to
// itself over and over stays as small as the file. Whatever is not understood ends in an exception that says at which byte.

using System.Buffers.Binary;
using System.Numerics;
using System.Text;

namespace FlowBP.Formats;

/// <summary>Reads pickles that hold tensors in plain containers.</summary>
internal ref struct PickleReader
{
    /// <summary>The longest pickle; a description of tensors takes about 200 bytes each.</summary>
    public const int MostBytes = 64 << 20;

    private const int MostInstructions = 2_000_000;
    private const int MostDepth = 64;
    private const int LongestName = 200;
    private const int LongestInteger = 16;

    private static readonly UTF8Encoding StrictUtf8 = new(false, throwOnInvalidBytes: true);

    private readonly string file;
    private readonly ReadOnlySpan<byte> bytes;
    private readonly List<object?> stack = [];
    private readonly List<int> marks = [];
    private readonly Dictionary<uint, object?> memo = [];
    private int position;
    private int instruction;

    private PickleReader(string file, ReadOnlySpan<byte> bytes)
    {
        this.file = file;
        this.bytes = bytes;
    }

    /// <summary>Reads one pickle.</summary>
    /// <param name="file">Names the file in messages.</param>
    /// <param name="bytes">Begins with the pickle.</param>
    /// <param name="length">How many bytes the pickle took.</param>
    /// <exception cref="CheckpointException">
    /// It names anything but tensors and plain containers, or is damaged. Nothing was executed.
    /// </exception>
    public static object? Read(string file, ReadOnlySpan<byte> bytes, out int length)
    {
        var reader = new PickleReader(file, bytes[..Math.Min(bytes.Length, MostBytes)]);
        var value = reader.Run();
        length = reader.position;
        return value;
    }

    private object? Run()
    {
        for (var count = 0; count < MostInstructions; count++)
        {
            instruction = position;
            var opcode = (PickleOpcode)Take(1)[0];
            if (opcode == PickleOpcode.Stop)
            {
                var result = Pop();
                return stack.Count == 0 ? result : throw Damaged($"{stack.Count} values are left on the stack");
            }
            Execute(opcode);
        }
        throw Damaged($"more than {MostInstructions} instructions");
    }

    private void Execute(PickleOpcode opcode)
    {
        switch (opcode)
        {
            case PickleOpcode.Proto:
                if (Take(1)[0] is var version and (< 2 or > 5))
                {
                    throw Damaged($"protocol {version}, expected 2 to 5");
                }
                break;
            case PickleOpcode.Mark:
                marks.Add(stack.Count);
                break;
            case PickleOpcode.None:
                stack.Add(null);
                break;
            case PickleOpcode.NewTrue:
                stack.Add(true);
                break;
            case PickleOpcode.NewFalse:
                stack.Add(false);
                break;
            case PickleOpcode.BinInt:
                stack.Add((long)BinaryPrimitives.ReadInt32LittleEndian(Take(4)));
                break;
            case PickleOpcode.BinInt1:
                stack.Add((long)Take(1)[0]);
                break;
            case PickleOpcode.BinInt2:
                stack.Add((long)BinaryPrimitives.ReadUInt16LittleEndian(Take(2)));
                break;
            case PickleOpcode.Long1:
                stack.Add(LongInteger(Take(1)[0]));
                break;
            case PickleOpcode.BinFloat:
                stack.Add(BinaryPrimitives.ReadDoubleBigEndian(Take(8)));
                break;
            case PickleOpcode.BinUnicode:
                stack.Add(Text(BinaryPrimitives.ReadUInt32LittleEndian(Take(4))));
                break;
            case PickleOpcode.BinString:
                stack.Add(Text(BinaryPrimitives.ReadUInt32LittleEndian(Take(4))));
                break;
            case PickleOpcode.ShortBinString:
                stack.Add(Text(Take(1)[0]));
                break;
            case PickleOpcode.BinPut:
                memo[Take(1)[0]] = Top();
                break;
            case PickleOpcode.LongBinPut:
                memo[BinaryPrimitives.ReadUInt32LittleEndian(Take(4))] = Top();
                break;
            case PickleOpcode.BinGet:
                stack.Add(Remembered(Take(1)[0]));
                break;
            case PickleOpcode.LongBinGet:
                stack.Add(Remembered(BinaryPrimitives.ReadUInt32LittleEndian(Take(4))));
                break;
            default:
                ExecuteOnContainers(opcode);
                break;
        }
    }

    private void ExecuteOnContainers(PickleOpcode opcode)
    {
        switch (opcode)
        {
            case PickleOpcode.EmptyDict:
                stack.Add(new PickleDict());
                break;
            case PickleOpcode.EmptyList:
                stack.Add(new PickleList());
                break;
            case PickleOpcode.EmptyTuple:
                stack.Add(new PickleTuple([]));
                break;
            case PickleOpcode.Tuple:
                PushTuple(PopToMark());
                break;
            case PickleOpcode.Tuple1:
                PushTuple([Pop()]);
                break;
            case PickleOpcode.Tuple2:
                PushTuple(PopMany(2));
                break;
            case PickleOpcode.Tuple3:
                PushTuple(PopMany(3));
                break;
            case PickleOpcode.Append:
                Append([Pop()]);
                break;
            case PickleOpcode.Appends:
                Append(PopToMark());
                break;
            case PickleOpcode.SetItem:
                SetItems(PopMany(2));
                break;
            case PickleOpcode.SetItems:
                SetItems(PopToMark());
                break;
            default:
                ExecuteOnTorch(opcode);
                break;
        }
    }

    private void ExecuteOnTorch(PickleOpcode opcode)
    {
        switch (opcode)
        {
            case PickleOpcode.Global:
                var name = $"{Line()}.{Line()}";
                stack.Add(
                    TorchGlobals.Find(name)
                        ?? throw Refused($"the global '{name}'", "tensors, dicts, lists, numbers and strings only")
                );
                break;
            case PickleOpcode.Reduce:
                var call = PopMany(2);
                if (call[0] is not TorchGlobal function || call[1] is not PickleTuple arguments)
                {
                    throw Damaged("a call of something that is no function");
                }
                stack.Add(
                    TorchGlobals.Call(function, arguments)
                        ?? throw Damaged(
                            $"arguments of {function} that are not torch's: a size, a stride or an offset leaves its storage"
                        )
                );
                break;
            case PickleOpcode.BinPersistentId:
                stack.Add(TorchGlobals.Storage(Pop()) ?? throw Damaged("a persistent id that is no storage's"));
                break;
            case PickleOpcode.Build:
                // The attributes of an OrderedDict: versions of the modules whose state it is, of no use here.
                if (Pop() is not PickleDict || Top() is not PickleDict)
                {
                    throw Damaged("attributes (BUILD) of something that is no dict");
                }
                break;
            default:
                throw Refused(
                    $"the opcode {PickleOpcodes.NameOfRefused((byte)opcode)}",
                    "only what torch.save writes for tensors (pickle protocol 2)"
                );
        }
    }

    private object LongInteger(int size)
    {
        if (size > LongestInteger)
        {
            throw Damaged($"an integer of {size} bytes, expected at most {LongestInteger}");
        }
        var value = new BigInteger(Take(size));
        if (value >= long.MinValue && value <= long.MaxValue)
        {
            return (long)value;
        }
        return value;
    }

    private string Text(uint size)
    {
        try
        {
            return StrictUtf8.GetString(Take(size));
        }
        catch (ArgumentException)
        {
            throw Damaged("a string that is not UTF-8");
        }
    }

    private string Line()
    {
        var rest = bytes[position..];
        var end = rest[..Math.Min(rest.Length, LongestName)].IndexOf((byte)'\n');
        if (end < 0)
        {
            throw Damaged("a global's name without an end");
        }
        var line = Text((uint)end);
        position++;
        return line;
    }

    private void PushTuple(object?[] items)
    {
        var tuple = new PickleTuple(items);
        Deepen(tuple, items);
        stack.Add(tuple);
    }

    private void Append(object?[] items)
    {
        if (Top() is not PickleList list)
        {
            throw Damaged("elements for something that is no list");
        }
        Deepen(list, items);
        list.Items.AddRange(items);
    }

    private void SetItems(object?[] items)
    {
        if (Top() is not PickleDict dict || items.Length % 2 != 0)
        {
            throw Damaged("keys and values for something that is no dict");
        }
        Deepen(dict, items);
        for (var i = 0; i < items.Length; i += 2)
        {
            // A tuple as key would be hashed element by element, however often it holds itself.
            if (items[i] is not (string or long or bool))
            {
                throw Refused("a key of a dict that is neither a string nor an integer", "names");
            }
            dict.Items[items[i]!] = items[i + 1];
        }
    }

    private void Deepen(PickleContainer container, object?[] items)
    {
        foreach (var item in items)
        {
            if (item is PickleContainer inner)
            {
                container.Depth = Math.Max(container.Depth, inner.Depth + 1);
            }
        }
        if (container.Depth > MostDepth)
        {
            throw Damaged($"containers nested deeper than {MostDepth}");
        }
    }

    private ReadOnlySpan<byte> Take(long count)
    {
        if (count > bytes.Length - position)
        {
            throw Damaged(
                bytes.Length == MostBytes
                    ? $"more than {MostBytes} bytes of pickle"
                    : $"{count} bytes to read where {bytes.Length - position} are left"
            );
        }
        var taken = bytes.Slice(position, (int)count);
        position += (int)count;
        return taken;
    }

    private object? Pop()
    {
        var top = Top();
        stack.RemoveAt(stack.Count - 1);
        return top;
    }

    private readonly object? Top()
    {
        // What lies below a mark belongs to whoever set it.
        var floor = marks.Count == 0 ? 0 : marks[^1];
        return stack.Count > floor ? stack[^1] : throw Damaged("an empty stack");
    }

    private object?[] PopMany(int count)
    {
        var items = new object?[count];
        for (var i = count - 1; i >= 0; i--)
        {
            items[i] = Pop();
        }
        return items;
    }

    private readonly object?[] PopToMark()
    {
        if (marks.Count == 0)
        {
            throw Damaged("no mark");
        }
        var mark = marks[^1];
        marks.RemoveAt(marks.Count - 1);
        object?[] items = [.. stack[mark..]];
        stack.RemoveRange(mark, stack.Count - mark);
        return items;
    }

    private readonly object? Remembered(uint index) =>
        memo.TryGetValue(index, out var value) ? value : throw Damaged($"no value remembered under {index}");

    private readonly CheckpointException Damaged(string found) =>
        CheckpointException.ForFile(file, $"the pickle is damaged or hostile: at byte {instruction} found {found}");

    private readonly CheckpointException Refused(string found, string expected) =>
        CheckpointException.ForFile(
            file,
            $"refused: at byte {instruction} the pickle asks for {CheckpointException.Shorten(found)}, expected {expected}; "
                + "nothing was executed"
        );
}
