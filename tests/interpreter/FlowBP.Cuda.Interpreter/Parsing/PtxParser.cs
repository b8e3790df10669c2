// Tokens to a module, by recursive descent. It takes the PTX that NVRTC emits, and inline assembly; what it doesn't know is
// an error with the line, never skipped, except for debug sections and hints that change no result.

using System.Globalization;

namespace FlowBP.Cuda.Interpreter.Parsing;

/// <summary>The text isn't PTX.</summary>
internal sealed class PtxSyntaxException(int line, string message) : Exception($"line {line}: {message}");

internal sealed partial class PtxParser
{
    private readonly List<PtxToken> _tokens;
    private readonly List<PtxVariable> _variables = [];
    private readonly Dictionary<string, PtxFunction> _functions = [];
    private readonly Dictionary<string, string> _files = [];
    private readonly PtxScope _moduleScope = new(null);
    private int _at;
    private string? _sourceLine;
    private ComputeCapability _architecture = new(0, 0);

    private PtxParser(string text)
    {
        _tokens = PtxLexer.Lex(text);
        // The names of source files stand behind the functions whose lines refer to them.
        for (var i = 0; i + 2 < _tokens.Count; i++)
        {
            if (_tokens[i].IsWord(".file"))
            {
                _files[_tokens[i + 1].Text] = Path.GetFileName(_tokens[i + 2].Text);
            }
        }
    }

    /// <exception cref="PtxSyntaxException">The text isn't PTX.</exception>
    internal static PtxModule Parse(string text, string name)
    {
        var parser = new PtxParser(text);
        parser.ParseModule();
        return new PtxModule(name, parser._architecture, parser._variables, parser._functions, text.Split('\n'));
    }

    private PtxToken Current => _tokens[_at];

    private void ParseModule()
    {
        if (!Current.IsWord(".version"))
        {
            throw Error("PTX begins with .version");
        }
        while (Current.Kind != PtxTokenKind.End)
        {
            ParseModuleItem();
        }
    }

    private void ParseModuleItem()
    {
        var word = Word("a directive");
        switch (word)
        {
            case ".version":
                Next();
                break;
            case ".target":
                ParseTarget();
                break;
            case ".address_size":
                if (Integer() != 64)
                {
                    throw Error("only 64-bit addresses are supported");
                }
                break;
            case ".file":
                SkipFile();
                break;
            case ".section":
                SkipSection();
                break;
            case ".pragma":
                SkipTo(';');
                break;
            default:
                _at--;
                ParseDeclaration();
                break;
        }
    }

    private void ParseTarget()
    {
        var target = Word("an architecture");
        var digits = new string([.. target.Where(char.IsAsciiDigit)]);
        if (!target.StartsWith("sm_", StringComparison.Ordinal) || digits.Length == 0)
        {
            throw Error($"unknown target {target}");
        }
        _architecture = ComputeCapability.FromNumber(int.Parse(digits, CultureInfo.InvariantCulture));
        while (Take(','))
        {
            _ = Word("a target option");
        }
    }

    private void SkipFile()
    {
        _ = Next();
        _ = Next();
        while (Take(','))
        {
            _ = Next();
        }
    }

    private void SkipSection()
    {
        while (!Current.Is('{') && Current.Kind != PtxTokenKind.End)
        {
            _at++;
        }
        while (!Current.Is('}') && Current.Kind != PtxTokenKind.End)
        {
            _at++;
        }
        Expect('}');
    }

    private void ParseDeclaration()
    {
        var isExternal = false;
        while (true)
        {
            var token = Current;
            switch (token.Text)
            {
                case ".visible" or ".weak" or ".common":
                    _at++;
                    break;
                case ".extern":
                    isExternal = true;
                    _at++;
                    break;
                case ".entry" or ".func":
                    _at++;
                    ParseFunction(token.Text == ".entry", token.Line);
                    return;
                case ".global" or ".const" or ".shared":
                    ParseVariables(_moduleScope, _variables, isExternal);
                    return;
                default:
                    throw Error($"unknown directive {token.Text}");
            }
        }
    }
}
