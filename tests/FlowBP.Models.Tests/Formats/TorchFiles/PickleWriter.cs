// Pickles as torch.save writes them, opcode by opcode (protocol 2), and as nobody should.

using System.Buffers.Binary;
using System.Numerics;
using System.Text;

namespace FlowBP.Models.Tests;

internal sealed class PickleWriter
{
    private readonly MemoryStream bytes = new();
    private byte memo;

    public PickleWriter(bool header = true)
    {
        if (header)
        {
            Raw(0x80, 2);
        }
    }

    public byte[] Bytes => bytes.ToArray();

    public static byte[] Of(Action<PickleWriter> write)
    {
        var writer = new PickleWriter();
        write(writer);
        return writer.Op('.').Bytes;
    }

    public PickleWriter Op(char opcode) => Raw((byte)opcode);

    public PickleWriter Raw(params ReadOnlySpan<byte> raw)
    {
        bytes.Write(raw);
        return this;
    }

    public PickleWriter Global(string module, string name) => Raw(Encoding.UTF8.GetBytes($"c{module}\n{name}\n")).Put();

    public PickleWriter Text(string text)
    {
        var utf8 = Encoding.UTF8.GetBytes(text);
        return Op('X').Raw(BitConverter.GetBytes(utf8.Length)).Raw(utf8).Put();
    }

    public PickleWriter Int(BigInteger value)
    {
        if (value >= 0 && value < 256)
        {
            return Op('K').Raw((byte)value);
        }
        if (value >= int.MinValue && value <= int.MaxValue)
        {
            return Op('J').Raw(BitConverter.GetBytes((int)value));
        }
        var raw = value.ToByteArray();
        return Raw(0x8A, (byte)raw.Length).Raw(raw);
    }

    public PickleWriter Double(double value)
    {
        Span<byte> raw = stackalloc byte[8];
        BinaryPrimitives.WriteDoubleBigEndian(raw, value);
        return Op('G').Raw(raw);
    }

    public PickleWriter Tuple(params BigInteger[] values)
    {
        Op('(');
        foreach (var value in values)
        {
            Int(value);
        }
        return Op('t').Put();
    }

    public PickleWriter OrderedDict() => Global("collections", "OrderedDict").Op(')').Op('R').Put();

    public PickleWriter Storage(string type, string key, BigInteger elements, bool legacy = false)
    {
        Op('(').Text("storage").Global("torch", type).Text(key).Text("cpu").Int(elements);
        return (legacy ? Op('N') : this).Op('t').Put().Op('Q');
    }

    /// <summary>A tensor of a storage, as <c>torch._utils._rebuild_tensor_v2</c> describes it.</summary>
    public PickleWriter Tensor(
        string type,
        string key,
        BigInteger elements,
        BigInteger offset,
        BigInteger[] shape,
        BigInteger[] strides,
        bool legacy = false
    ) =>
        Global("torch._utils", "_rebuild_tensor_v2")
            .Op('(')
            .Storage(type, key, elements, legacy)
            .Int(offset)
            .Tuple(shape)
            .Tuple(strides)
            .Raw(0x89)
            .OrderedDict()
            .Op('t')
            .Op('R');

    /// <summary>A contiguous Float32 tensor with a storage of its own.</summary>
    public PickleWriter Tensor(string key, params int[] shape)
    {
        var strides = new int[shape.Length];
        var count = 1;
        for (var i = shape.Length - 1; i >= 0; i--)
        {
            strides[i] = count;
            count *= shape[i];
        }
        return Tensor(
            "FloatStorage",
            key,
            count,
            0,
            [.. shape.Select(n => (BigInteger)n)],
            [.. strides.Select(n => (BigInteger)n)]
        );
    }

    private PickleWriter Put() => Op('q').Raw(memo++);
}
