// Python's pickle is a program for a stack machine, and a general reader of it runs whatever the program names. This project
// knows the instructions below, all that torch.save emits for tensors in plain containers, and none that calls, imports or
// builds anything else. The others are listed by name for one purpose: to be refused by name.

namespace FlowBP.Formats;

/// <summary>The instructions that are carried out.</summary>
internal enum PickleOpcode : byte
{
    Mark = (byte)'(',
    Stop = (byte)'.',
    Proto = 0x80,
    None = (byte)'N',
    NewTrue = 0x88,
    NewFalse = 0x89,
    BinInt = (byte)'J',
    BinInt1 = (byte)'K',
    BinInt2 = (byte)'M',
    Long1 = 0x8A,
    BinFloat = (byte)'G',
    BinUnicode = (byte)'X',
    ShortBinString = (byte)'U',
    BinString = (byte)'T',
    EmptyDict = (byte)'}',
    EmptyList = (byte)']',
    EmptyTuple = (byte)')',
    Tuple = (byte)'t',
    Tuple1 = 0x85,
    Tuple2 = 0x86,
    Tuple3 = 0x87,
    Append = (byte)'a',
    Appends = (byte)'e',
    SetItem = (byte)'s',
    SetItems = (byte)'u',
    BinPut = (byte)'q',
    LongBinPut = (byte)'r',
    BinGet = (byte)'h',
    LongBinGet = (byte)'j',
    Global = (byte)'c',
    Reduce = (byte)'R',
    Build = (byte)'b',
    BinPersistentId = (byte)'Q',
}

internal static class PickleOpcodes
{
    // pickletools' names of what pickle has beyond that.
    private static readonly Dictionary<byte, string> Refused = new()
    {
        [(byte)'0'] = "POP",
        [(byte)'1'] = "POP_MARK",
        [(byte)'2'] = "DUP",
        [(byte)'F'] = "FLOAT",
        [(byte)'I'] = "INT",
        [(byte)'L'] = "LONG",
        [(byte)'P'] = "PERSID",
        [(byte)'S'] = "STRING",
        [(byte)'V'] = "UNICODE",
        [(byte)'d'] = "DICT",
        [(byte)'l'] = "LIST",
        [(byte)'g'] = "GET",
        [(byte)'p'] = "PUT",
        [(byte)'i'] = "INST",
        [(byte)'o'] = "OBJ",
        [(byte)'B'] = "BINBYTES",
        [(byte)'C'] = "SHORT_BINBYTES",
        [0x81] = "NEWOBJ",
        [0x82] = "EXT1",
        [0x83] = "EXT2",
        [0x84] = "EXT4",
        [0x8B] = "LONG4",
        [0x8C] = "SHORT_BINUNICODE",
        [0x8D] = "BINUNICODE8",
        [0x8E] = "BINBYTES8",
        [0x8F] = "EMPTY_SET",
        [0x90] = "ADDITEMS",
        [0x91] = "FROZENSET",
        [0x92] = "NEWOBJ_EX",
        [0x93] = "STACK_GLOBAL",
        [0x94] = "MEMOIZE",
        [0x95] = "FRAME",
        [0x96] = "BYTEARRAY8",
        [0x97] = "NEXT_BUFFER",
        [0x98] = "READONLY_BUFFER",
    };

    /// <summary>The name of an instruction that is not carried out.</summary>
    public static string NameOfRefused(byte opcode) =>
        Refused.TryGetValue(opcode, out var name) ? name : $"0x{opcode:X2}";
}
