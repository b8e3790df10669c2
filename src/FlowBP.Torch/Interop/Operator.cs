using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Text;

namespace FlowBP.Torch.Interop;

/// <summary>
/// An ATen operator, found by its schema name on first use and called boxed. One of these per operator is all that an
/// operator costs: no signature is written down twice.
/// </summary>
/// <remarks>Stack memory is not cleared first: what is read of it was written by the call.</remarks>
[SkipLocalsInit]
internal sealed unsafe class Operator(string name, string overload = "")
{
    // Room on the stack: results of all but the operators that return a list, and list arguments of the usual lengths.
    private const int UsualResults = 4;
    private const int UsualListBytes = 2048;
    private nint handle;

    public string Name { get; } = name;

    /// <summary>Whether this libtorch has the operator.</summary>
    public bool IsAvailable => Find() != 0;

    /// <summary>Calls the operator and returns its first tensor.</summary>
    /// <exception cref="ExternalException">libtorch refused; the message names the operator and the shapes.</exception>
    public torch.Tensor Call(params ReadOnlySpan<Argument> arguments)
    {
        var results = stackalloc NativeValue[UsualResults];
        var count = Expect(Invoke(arguments, results, UsualResults), UsualResults);
        for (var i = 1; i < count; i++)
        {
            Free(results[i]);
        }

        return count > 0 && results[0] is { Tag: NativeTag.Tensor, Bits: not 0 }
            ? new torch.Tensor((nint)results[0].Bits)
            : throw new InvalidOperationException($"{Name} returned no tensor");
    }

    /// <summary>Calls the operator and returns all its tensors; an undefined one is null.</summary>
    /// <exception cref="ExternalException">libtorch refused; the message names the operator and the shapes.</exception>
    public torch.Tensor?[] CallMany(params ReadOnlySpan<Argument> arguments)
    {
        var results = stackalloc NativeValue[UsualResults];
        var count = Invoke(arguments, results, UsualResults);
        if (count <= UsualResults)
        {
            return Tensors(results, count);
        }

        var many = new NativeValue[count];
        fixed (NativeValue* taken = many)
        {
            NativeMethods.flowbp_operator_take_results(taken);
            return Tensors(taken, count);
        }
    }

    /// <summary>Calls an operator that works in place on its first argument, which is returned.</summary>
    /// <exception cref="ExternalException">libtorch refused; the message names the operator and the shapes.</exception>
    public torch.Tensor CallInPlace(torch.Tensor self, params ReadOnlySpan<Argument> arguments)
    {
        var results = stackalloc NativeValue[UsualResults];
        var count = Expect(Invoke(arguments, results, UsualResults), UsualResults);
        for (var i = 0; i < count; i++)
        {
            Free(results[i]);
        }

        return self;
    }

    private static torch.Tensor?[] Tensors(NativeValue* results, int count)
    {
        var tensors = new torch.Tensor?[count];
        for (var i = 0; i < count; i++)
        {
            tensors[i] = results[i].Bits == 0 ? null : new torch.Tensor((nint)results[i].Bits);
        }

        return tensors;
    }

    private static void Free(NativeValue value)
    {
        if (value.Tag == NativeTag.Tensor && value.Bits != 0)
        {
            NativeMethods.flowbp_tensor_free((nint)value.Bits);
        }
    }

    // More results than an operator of this kind has: the wrong kind of call. The native side drops them by itself.
    private int Expect(int count, int capacity) =>
        count <= capacity
            ? count
            : throw new InvalidOperationException($"{Name} returned {count} values, expected at most {capacity}");

    private nint Find()
    {
        if (handle == 0)
        {
            nint found;
            TorchStatus.Check(NativeMethods.flowbp_operator_find("aten::" + Name, overload, &found));
            handle = found;
        }

        return handle;
    }

    private int Invoke(ReadOnlySpan<Argument> arguments, NativeValue* results, int capacity)
    {
        var op = Find();
        if (op == 0)
        {
            throw new NotSupportedException($"this libtorch has no operator aten::{Name}.{overload}");
        }

        // Lists are copied to the stack: nothing has to be pinned, and the native side sees plain addresses. A list that
        // is too long for the stack goes to an array that the collector does not move.
        var listBytes = 0;
        foreach (ref readonly var argument in arguments)
        {
            listBytes += ListBytes(argument);
        }

        var large = listBytes > UsualListBytes ? GC.AllocateUninitializedArray<byte>(listBytes, pinned: true) : null;
        var stack = stackalloc byte[large is null ? listBytes : 0];
        var lists = large is null ? stack : (byte*)Unsafe.AsPointer(ref large[0]);
        var values = stackalloc NativeValue[arguments.Length];
        for (var i = 0; i < arguments.Length; i++)
        {
            values[i] = Encode(arguments[i], ref lists);
        }

        int count;
        var status = NativeMethods.flowbp_operator_call(op, values, arguments.Length, results, capacity, &count);
        GC.KeepAlive(large);
        foreach (ref readonly var argument in arguments)
        {
            GC.KeepAlive(argument.Owner);
        }

        return status == 0 ? count : throw TorchStatus.Failure($"{Name}({Describe(arguments)})");
    }

    // Every list is laid out in multiples of eight bytes, so that the next one is aligned.
    private static int ListBytes(in Argument argument) =>
        argument.Tag switch
        {
            NativeTag.IntList or NativeTag.DoubleList or NativeTag.TensorList or NativeTag.OptionalTensorList =>
                checked(8 * ((Array)argument.Owner!).Length),
            NativeTag.BoolList => 8 * ((bool[])argument.Owner!).Length,
            NativeTag.String => (Encoding.UTF8.GetMaxByteCount(((string)argument.Owner!).Length) + 7) & ~7,
            _ => 0,
        };

    private NativeValue Encode(in Argument argument, ref byte* lists)
    {
        var value = new NativeValue
        {
            Tag = argument.Tag,
            Length = argument.Length,
            Bits = argument.Bits,
        };
        var start = lists;
        switch (argument.Tag)
        {
            case NativeTag.Tensor:
                value.Bits = argument.Owner is torch.Tensor self ? Handle(self) : 0;
                return value;
            case NativeTag.IntList:
                var integers = (long[])argument.Owner!;
                integers.CopyTo(new Span<long>(start, integers.Length));
                value.Length = integers.Length;
                break;
            case NativeTag.DoubleList:
                var numbers = (double[])argument.Owner!;
                numbers.CopyTo(new Span<double>(start, numbers.Length));
                value.Length = numbers.Length;
                break;
            case NativeTag.BoolList:
                var truths = (bool[])argument.Owner!;
                for (var i = 0; i < truths.Length; i++)
                {
                    ((long*)start)[i] = truths[i] ? 1 : 0;
                }

                value.Length = truths.Length;
                break;
            case NativeTag.TensorList:
            case NativeTag.OptionalTensorList:
                var tensors = (torch.Tensor?[])argument.Owner!;
                for (var i = 0; i < tensors.Length; i++)
                {
                    ((long*)start)[i] = tensors[i] is { } tensor ? Handle(tensor) : 0;
                }

                value.Length = tensors.Length;
                break;
            case NativeTag.String:
                var text = (string)argument.Owner!;
                value.Length = Encoding.UTF8.GetBytes(text, new Span<byte>(start, ListBytes(argument)));
                break;
            default:
                return value;
        }

        value.Bits = (long)start;
        lists += ListBytes(argument);
        return value;
    }

    private nint Handle(torch.Tensor tensor)
    {
        var given = tensor.handle;
        return given != 0
            ? given
            : throw new ObjectDisposedException(nameof(torch.Tensor), $"{Name} was given a disposed tensor");
    }

    private static string Describe(ReadOnlySpan<Argument> arguments)
    {
        var parts = new List<string>(arguments.Length);
        foreach (ref readonly var argument in arguments)
        {
            parts.Add(argument.Describe());
        }

        return string.Join(", ", parts);
    }
}
