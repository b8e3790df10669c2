// PTX is lexed into four kinds of tokens. An opcode with its modifiers (ld.global.nc.v4.u32) is one word.

namespace FlowBP.Cuda.Interpreter.Parsing;

internal enum PtxTokenKind
{
    Word,
    Number,
    Text,
    Symbol,
    End,
}

/// <param name="Kind">What it is.</param>
/// <param name="Text">Its characters; of a text, without the quotes.</param>
/// <param name="Line">Line of the text, from 1.</param>
internal readonly record struct PtxToken(PtxTokenKind Kind, string Text, int Line)
{
    internal bool Is(char symbol) => Kind == PtxTokenKind.Symbol && Text[0] == symbol;

    internal bool IsWord(string word) => Kind == PtxTokenKind.Word && Text == word;

    public override string ToString() => Kind == PtxTokenKind.End ? "the end of the text" : $"'{Text}'";
}
