using System.Runtime.InteropServices;
using System.Text;

namespace FlowBP.Torch.Interop;

/// <summary>
/// An ATen operator, found by its schema name on first use and called boxed. One of these per operator is all that an
/// operator costs: no signature is written down twice.
/// </summary>
internal sealed unsafe class Operator(string name, string overload = "")
{
    private const int MaximumResults = 64;
    private nint handle;

    public string Name { get; } = name;

    /// <summary>Whether this libtorch has the operator.</summary>
    public bool IsAvailable => Find() != 0;

    /// <summary>Calls the operator and returns its single tensor.</summary>
    /// <exception cref="ExternalException">libtorch refused; the message names the operator and the shapes.</exception>
    public torch.Tensor Call(params ReadOnlySpan<Argument> arguments)
    {
        NativeValue* results = stackalloc NativeValue[4];
        int count = Invoke(arguments, results, 4);
        var result = new torch.Tensor((nint)results[0].Bits);
        for (int i = 1; i < count; i++)
        {
            Free(results[i]);
        }

        return result;
    }

    /// <summary>Calls the operator and returns all its tensors; an undefined one is null.</summary>
    public torch.Tensor?[] CallMany(params ReadOnlySpan<Argument> arguments)
    {
        NativeValue* results = stackalloc NativeValue[MaximumResults];
        int count = Invoke(arguments, results, MaximumResults);
        var tensors = new torch.Tensor?[count];
        for (int i = 0; i < count; i++)
        {
            tensors[i] = results[i].Bits == 0 ? null : new torch.Tensor((nint)results[i].Bits);
        }

        return tensors;
    }

    /// <summary>Calls an operator that works in place on its first argument, which is returned.</summary>
    public torch.Tensor CallInPlace(torch.Tensor self, params ReadOnlySpan<Argument> arguments)
    {
        NativeValue* results = stackalloc NativeValue[4];
        int count = Invoke(arguments, results, 4);
        for (int i = 0; i < count; i++)
        {
            Free(results[i]);
        }

        return self;
    }

    /// <summary>Calls an operator that returns a plain number or truth value.</summary>
    public NativeValue CallValue(params ReadOnlySpan<Argument> arguments)
    {
        NativeValue result;
        Invoke(arguments, &result, 1);
        return result;
    }

    private static void Free(NativeValue value)
    {
        if (value.Tag == NativeTag.Tensor && value.Bits != 0)
        {
            NativeMethods.flowbp_tensor_free((nint)value.Bits);
        }
    }

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
        nint op = Find();
        if (op == 0)
        {
            throw new NotSupportedException($"this libtorch has no operator aten::{Name}.{overload}");
        }

        // Lists are copied to the stack: nothing has to be pinned, and the native side sees plain addresses.
        int listBytes = 0;
        foreach (ref readonly Argument argument in arguments)
        {
            listBytes += ListBytes(argument);
        }

        byte* lists = stackalloc byte[listBytes];
        NativeValue* values = stackalloc NativeValue[arguments.Length];
        for (int i = 0; i < arguments.Length; i++)
        {
            values[i] = Encode(arguments[i], ref lists);
        }

        int count;
        int status = NativeMethods.flowbp_operator_call(op, values, arguments.Length, results, capacity, &count);
        foreach (ref readonly Argument argument in arguments)
        {
            GC.KeepAlive(argument.Owner);
        }

        return status == 0 ? count : throw TorchStatus.Failure($"{Name}({Describe(arguments)})");
    }

    private static int ListBytes(in Argument argument) =>
        argument.Owner switch
        {
            long[] list => 8 * list.Length,
            double[] list => 8 * list.Length,
            bool[] list => 8 * list.Length,
            torch.Tensor?[] list => 8 * list.Length,
            string text => (Encoding.UTF8.GetMaxByteCount(text.Length) + 7) & ~7,
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
        byte* start = lists;
        switch (argument.Owner)
        {
            case null:
                return value;
            case torch.Tensor tensor:
                value.Bits = Handle(tensor);
                return value;
            case long[] list:
                list.CopyTo(new Span<long>(start, list.Length));
                value.Length = list.Length;
                break;
            case double[] list:
                list.CopyTo(new Span<double>(start, list.Length));
                value.Length = list.Length;
                break;
            case bool[] list:
                for (int i = 0; i < list.Length; i++)
                {
                    ((long*)start)[i] = list[i] ? 1 : 0;
                }

                value.Length = list.Length;
                break;
            case torch.Tensor?[] list:
                for (int i = 0; i < list.Length; i++)
                {
                    ((long*)start)[i] = list[i] is { } tensor ? Handle(tensor) : 0;
                }

                value.Length = list.Length;
                break;
            case string text:
                value.Length = Encoding.UTF8.GetBytes(
                    text,
                    new Span<byte>(start, Encoding.UTF8.GetMaxByteCount(text.Length))
                );
                break;
            default:
                throw new InvalidOperationException($"{argument.Owner.GetType()} is not an operator argument");
        }

        value.Bits = (long)start;
        lists += ListBytes(argument);
        return value;
    }

    private nint Handle(torch.Tensor tensor) =>
        tensor.IsInvalid
            ? throw new ObjectDisposedException(nameof(torch.Tensor), $"{Name} was given a disposed tensor")
            : tensor.handle;

    private static string Describe(ReadOnlySpan<Argument> arguments)
    {
        var parts = new List<string>(arguments.Length);
        foreach (ref readonly Argument argument in arguments)
        {
            parts.Add(argument.Describe());
        }

        return string.Join(", ", parts);
    }
}
