// Characters to tokens. Two spots need care: "::" belongs to a word (.L1::no_allocate) while a single ":" ends a label, and
// a minus sign belongs to the number behind it, because PTX as compilers emit it has no expressions.

namespace FlowBP.Cuda.Interpreter.Parsing;

internal static class PtxLexer
{
    internal static List<PtxToken> Lex(string text)
    {
        var tokens = new List<PtxToken>();
        var line = 1;
        var at = 0;
        while (at < text.Length)
        {
            var c = text[at];
            if (c == '\n')
            {
                line++;
                at++;
            }
            else if (char.IsWhiteSpace(c))
            {
                at++;
            }
            else if (StartsWith(text, at, "//"))
            {
                at = EndOf(text, at, "\n");
            }
            else if (StartsWith(text, at, "/*"))
            {
                var end = EndOf(text, at, "*/");
                line += text.AsSpan(at, end - at).Count('\n');
                at = Math.Min(end + 2, text.Length);
            }
            else
            {
                var (kind, end) = TokenAt(text, at);
                tokens.Add(new PtxToken(kind, text[at..end].Trim('"'), line));
                at = end;
            }
        }
        tokens.Add(new PtxToken(PtxTokenKind.End, "", line));
        return tokens;
    }

    private static (PtxTokenKind Kind, int End) TokenAt(string text, int at)
    {
        var c = text[at];
        if (c == '"')
        {
            var end = text.IndexOf('"', at + 1);
            return (PtxTokenKind.Text, end < 0 ? text.Length : end + 1);
        }
        if (char.IsAsciiDigit(c) || (c == '-' && at + 1 < text.Length && char.IsAsciiDigit(text[at + 1])))
        {
            var end = at + 1;
            while (end < text.Length && (char.IsAsciiLetterOrDigit(text[end]) || text[end] == '.'))
            {
                end++;
            }
            return (PtxTokenKind.Number, end);
        }
        if (IsInWord(c))
        {
            var end = at + 1;
            while (end < text.Length)
            {
                if (IsInWord(text[end]))
                {
                    end++;
                }
                else if (StartsWith(text, end, "::") && end + 2 < text.Length && IsInWord(text[end + 2]))
                {
                    end += 2;
                }
                else
                {
                    break;
                }
            }
            return (PtxTokenKind.Word, end);
        }
        return (PtxTokenKind.Symbol, at + 1);
    }

    private static bool IsInWord(char c) => char.IsAsciiLetterOrDigit(c) || c is '_' or '$' or '%' or '.';

    private static bool StartsWith(string text, int at, string what) => text.AsSpan(at).StartsWith(what);

    private static int EndOf(string text, int at, string what)
    {
        var end = text.IndexOf(what, at, StringComparison.Ordinal);
        return end < 0 ? text.Length : end;
    }
}
