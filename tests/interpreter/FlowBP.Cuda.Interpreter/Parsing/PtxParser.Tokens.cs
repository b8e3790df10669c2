// One token after another: what the rest of the parser is written in.

using System.Globalization;

namespace FlowBP.Cuda.Interpreter.Parsing;

internal sealed partial class PtxParser
{
    private static LiteralOperand Literal(PtxToken token)
    {
        var text = token.Text;
        var culture = CultureInfo.InvariantCulture;
        const NumberStyles Hex = NumberStyles.AllowHexSpecifier;
        if (
            text.StartsWith("0f", StringComparison.OrdinalIgnoreCase)
            && ulong.TryParse(text[2..], Hex, culture, out var bits)
        )
        {
            return new LiteralOperand(bits, LiteralKind.Single);
        }
        if (
            text.StartsWith("0d", StringComparison.OrdinalIgnoreCase)
            && ulong.TryParse(text[2..], Hex, culture, out bits)
        )
        {
            return new LiteralOperand(bits, LiteralKind.Double);
        }
        var negative = text[0] == '-';
        var digits = (negative ? text[1..] : text).TrimEnd('U');
        var found =
            digits.StartsWith("0x", StringComparison.OrdinalIgnoreCase)
                ? ulong.TryParse(digits[2..], Hex, culture, out bits)
            : digits.StartsWith("0b", StringComparison.OrdinalIgnoreCase)
                ? ulong.TryParse(digits[2..], NumberStyles.AllowBinarySpecifier, culture, out bits)
            : ulong.TryParse(digits, NumberStyles.None, culture, out bits);
        if (found)
        {
            return new LiteralOperand(negative ? 0 - bits : bits, LiteralKind.Integer);
        }
        return double.TryParse(text, NumberStyles.Float, culture, out var number)
            ? new LiteralOperand(BitConverter.DoubleToUInt64Bits(number), LiteralKind.Double)
            : throw new PtxSyntaxException(token.Line, $"{token} is not a number");
    }

    private PtxType Type(string word) =>
        word[0] == '.' && PtxType.TryParse(word[1..], out var type) ? type : throw Error($"unknown type {word}");

    private void Declare(PtxScope scope, string name, object meaning)
    {
        if (!scope.TryDeclare(name, meaning))
        {
            throw Error($"{name} is declared twice");
        }
    }

    private PtxToken Next()
    {
        var token = Current;
        if (token.Kind != PtxTokenKind.End)
        {
            _at++;
        }
        return token;
    }

    private string Word(string what)
    {
        var token = Next();
        return token.Kind == PtxTokenKind.Word
            ? token.Text
            : throw new PtxSyntaxException(token.Line, $"expected {what}, found {token}");
    }

    private long Integer()
    {
        var token = Next();
        return token.Kind == PtxTokenKind.Number && Literal(token) is { Kind: LiteralKind.Integer } literal
            ? (long)literal.Bits
            : throw new PtxSyntaxException(token.Line, $"expected an integer, found {token}");
    }

    private bool Take(char symbol)
    {
        var found = Current.Is(symbol);
        _at += found ? 1 : 0;
        return found;
    }

    private void Expect(char symbol)
    {
        if (!Take(symbol))
        {
            throw Error($"expected '{symbol}', found {Current}");
        }
    }

    private void SkipTo(char symbol)
    {
        while (!Current.Is(symbol) && Current.Kind != PtxTokenKind.End)
        {
            _at++;
        }
        Expect(symbol);
    }

    private PtxSyntaxException Error(string message) => new(Current.Line, message);
}
