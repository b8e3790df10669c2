// What a compiled kernel takes of a multiprocessor, read from the machine code itself: a driver says the same
// (ICudaDriver.Resources), but takes a GPU. A cubin is an ELF file; its section .nv.info holds records of a format, an attribute
// and a value, which for the attributes below is a symbol and a number.

using System.Buffers.Binary;
using System.Text;

namespace FlowBP.Kernels.Cuda.Tests;

/// <summary>Registers and stack of the kernels of a cubin.</summary>
/// <param name="Registers">Per thread.</param>
/// <param name="FrameBytes">Stack of a thread, where spilled registers would be.</param>
internal readonly record struct CubinResources(int Registers, int FrameBytes)
{
    private const byte RegisterCount = 0x2f;
    private const byte FrameSize = 0x11;
    private const byte SizedValue = 4;
    private const int SymbolBytes = 24;

    /// <summary>By the name of the kernel.</summary>
    public static IReadOnlyDictionary<string, CubinResources> Of(ReadOnlySpan<byte> cubin)
    {
        var sections = Sections(cubin);
        var symbols = sections[".symtab"].Of(cubin);
        var names = sections[".strtab"].Of(cubin);
        var found = new Dictionary<string, CubinResources>();
        var records = sections[".nv.info"].Of(cubin);
        while (records.Length >= 4)
        {
            var (format, attribute, value) = (records[0], records[1], (int)Number16(records[2..]));
            // Every other format carries its value in the two bytes themselves.
            var size = format == SizedValue ? value : 0;
            if (format == SizedValue && attribute is RegisterCount or FrameSize)
            {
                var symbol = symbols[((int)Number32(records[4..]) * SymbolBytes)..];
                var name = Text(names, (int)Number32(symbol));
                var number = (int)Number32(records[8..]);
                var known = found.GetValueOrDefault(name);
                found[name] =
                    attribute == RegisterCount ? known with { Registers = number } : known with { FrameBytes = number };
            }
            records = records[(4 + size)..];
        }
        return found;
    }

    private static Dictionary<string, Section> Sections(ReadOnlySpan<byte> elf)
    {
        Assert.That(elf[..4].ToArray(), Is.EqualTo("\u007fELF"u8.ToArray()), "a cubin is an ELF file");
        var table = (int)BinaryPrimitives.ReadUInt64LittleEndian(elf[40..]);
        var entry = Number16(elf[58..]);
        var count = Number16(elf[60..]);
        var list = new List<(int Name, Section Section)>();
        for (var i = 0; i < count; i++)
        {
            var header = elf[(table + (i * entry))..];
            list.Add(
                (
                    (int)Number32(header),
                    new(
                        (int)BinaryPrimitives.ReadUInt64LittleEndian(header[24..]),
                        (int)BinaryPrimitives.ReadUInt64LittleEndian(header[32..])
                    )
                )
            );
        }
        var names = list[Number16(elf[62..])].Section.Of(elf);
        var sections = new Dictionary<string, Section>();
        foreach (var (name, section) in list)
        {
            sections[Text(names, name)] = section;
        }
        return sections;
    }

    private static ushort Number16(ReadOnlySpan<byte> at) => BinaryPrimitives.ReadUInt16LittleEndian(at);

    private static uint Number32(ReadOnlySpan<byte> at) => BinaryPrimitives.ReadUInt32LittleEndian(at);

    private static string Text(ReadOnlySpan<byte> strings, int at)
    {
        var rest = strings[at..];
        return Encoding.ASCII.GetString(rest[..rest.IndexOf((byte)0)]);
    }

    private readonly record struct Section(int Offset, int Length)
    {
        public ReadOnlySpan<byte> Of(ReadOnlySpan<byte> elf) => elf.Slice(Offset, Length);
    }
}
