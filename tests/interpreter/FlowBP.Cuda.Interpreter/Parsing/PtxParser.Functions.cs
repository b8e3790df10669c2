// Functions: parameters, launch bounds, and bodies with their nested scopes.

namespace FlowBP.Cuda.Interpreter.Parsing;

internal sealed partial class PtxParser
{
    private void ParseFunction(bool isEntry, int line)
    {
        var results = Current.Is('(') ? ParseParameters() : [];
        var function = new PtxFunction(Word("a function's name"), isEntry, line);
        function.Results.AddRange(results);
        if (Current.Is('('))
        {
            function.Parameters.AddRange(ParseParameters());
        }
        ParseLaunchBounds(function);
        if (!Take(';'))
        {
            ParseBody(function);
        }
        if (!_functions.TryGetValue(function.Name, out var earlier) || !earlier.HasBody)
        {
            _functions[function.Name] = function;
        }
        else if (function.HasBody)
        {
            throw new PtxSyntaxException(line, $"{function.Name} is defined twice");
        }
    }

    private List<PtxVariable> ParseParameters()
    {
        var parameters = new List<PtxVariable>();
        Expect('(');
        while (!Take(')'))
        {
            if (!Current.IsWord(".param"))
            {
                throw Error($"expected .param, found {Current}");
            }
            _at++;
            parameters.Add(ParseVariable(StateSpace.Parameter, false));
            if (!Current.Is(')'))
            {
                Expect(',');
            }
        }
        return parameters;
    }

    private void ParseLaunchBounds(PtxFunction function)
    {
        while (Current.Kind == PtxTokenKind.Word)
        {
            var word = Next().Text;
            switch (word)
            {
                case ".maxntid" or ".reqntid":
                    function.Bounds = new PtxLaunchBounds(ParseTriple(), word == ".reqntid");
                    break;
                case ".minnctapersm" or ".maxnctapersm" or ".maxnreg":
                    _ = Integer();
                    break;
                case ".noreturn":
                    break;
                case ".pragma":
                    SkipTo(';');
                    break;
                default:
                    throw Error($"unknown directive {word}");
            }
        }
    }

    private Dim3 ParseTriple()
    {
        var x = (int)Integer();
        var y = Take(',') ? (int)Integer() : 1;
        var z = Take(',') ? (int)Integer() : 1;
        return new Dim3(x, y, z);
    }

    private void ParseBody(PtxFunction function)
    {
        function.HasBody = true;
        _sourceLine = null;
        var scope = new PtxScope(_moduleScope);
        foreach (var parameter in function.Parameters.Concat(function.Results))
        {
            Declare(scope, parameter.Name, parameter);
        }
        Expect('{');
        ParseBlock(function, scope);
    }

    private void ParseBlock(PtxFunction function, PtxScope scope)
    {
        while (!Take('}'))
        {
            if (Take('{'))
            {
                ParseBlock(function, new PtxScope(scope));
            }
            else if (!Take(';'))
            {
                ParseStatement(function, scope);
            }
        }
    }

    private void ParseStatement(PtxFunction function, PtxScope scope)
    {
        if (Current.Kind == PtxTokenKind.Word && _tokens[_at + 1].Is(':'))
        {
            var label = Next().Text;
            _at++;
            if (Current.IsWord(".branchtargets"))
            {
                _at++;
                Declare(scope, label, ParseNames());
            }
            else
            {
                Declare(scope, label, function.Instructions.Count);
            }
            return;
        }
        switch (Current.Text)
        {
            case ".reg":
                _at++;
                ParseRegisters(function, scope);
                break;
            case ".shared" or ".local" or ".param":
                ParseVariables(scope, function.Variables, false);
                break;
            case ".loc":
                _at++;
                ParseLocation();
                break;
            case ".pragma":
                SkipTo(';');
                break;
            default:
                ParseInstruction(function, scope);
                break;
        }
    }

    private void ParseLocation()
    {
        var file = Next().Text;
        var line = Integer();
        _ = Integer();
        // Line 0 is code that the compiler made up: it belongs to the line before.
        if (line != 0)
        {
            _sourceLine = $"{_files.GetValueOrDefault(file, "file " + file)}:{line}";
        }
        while (Take(','))
        {
            var attribute = Word("an attribute of .loc");
            if (attribute == "function_name")
            {
                _ = Next();
                if (Take('+'))
                {
                    _ = Next();
                }
            }
            else if (attribute == "inlined_at")
            {
                _ = Next();
                _ = Next();
                _ = Next();
            }
            else
            {
                throw Error($"unknown attribute {attribute} of .loc");
            }
        }
    }

    private void ParseRegisters(PtxFunction function, PtxScope scope)
    {
        var type = Type(Word("a type"));
        do
        {
            var name = Word("a register");
            if (Take('<'))
            {
                var count = Integer();
                Expect('>');
                for (var i = 0; i < count; i++)
                {
                    DeclareRegister(function, scope, new PtxRegister($"{name}{i}", type));
                }
            }
            else
            {
                DeclareRegister(function, scope, new PtxRegister(name, type));
            }
        } while (Take(','));
        Expect(';');
    }

    private void DeclareRegister(PtxFunction function, PtxScope scope, PtxRegister register)
    {
        Declare(scope, register.Name, register);
        function.Registers.Add(register);
    }

    private void ParseInstruction(PtxFunction function, PtxScope scope)
    {
        NameOperand? guard = null;
        if (Take('@'))
        {
            var negated = Take('!');
            guard = new NameOperand(Word("a predicate"), negated);
        }
        var line = Current.Line;
        var opcode = Word("an opcode");
        var operands = new List<PtxOperand>();
        while (!Take(';'))
        {
            operands.Add(ParseOperand());
            if (!Current.Is(';'))
            {
                Expect(',');
            }
        }
        function.Instructions.Add(new PtxInstruction(opcode, guard, operands, scope, line, _sourceLine));
    }

    private PtxOperand ParseOperand()
    {
        if (Take('{'))
        {
            return new VectorOperand(ParseOperands('}'));
        }
        if (Take('('))
        {
            return new ListOperand(ParseOperands(')'));
        }
        if (Take('['))
        {
            var place = ParseSimpleOperand();
            var offset = Take('+') || Current.Kind == PtxTokenKind.Number ? Integer() : 0;
            Expect(']');
            return new AddressOperand(place, offset);
        }
        var operand = ParseSimpleOperand();
        if (Take('|'))
        {
            return new PairOperand(AsName(operand), AsName(ParseSimpleOperand()));
        }
        return operand;
    }

    private List<PtxOperand> ParseOperands(char end)
    {
        var operands = new List<PtxOperand>();
        while (!Take(end))
        {
            operands.Add(ParseSimpleOperand());
            if (!Current.Is(end))
            {
                Expect(',');
            }
        }
        return operands;
    }

    private PtxOperand ParseSimpleOperand()
    {
        var negated = Take('!');
        var token = Next();
        return token.Kind switch
        {
            PtxTokenKind.Word => new NameOperand(token.Text, negated),
            PtxTokenKind.Number => Literal(token),
            _ => throw new PtxSyntaxException(token.Line, $"expected an operand, found {token}"),
        };
    }

    private NameOperand AsName(PtxOperand operand) =>
        operand as NameOperand ?? throw Error("expected the name of a register");

    private List<string> ParseNames()
    {
        var names = new List<string>();
        do
        {
            names.Add(Word("a label"));
        } while (Take(','));
        Expect(';');
        return names;
    }
}
