// Declarations of variables, with their initializers.

namespace FlowBP.Cuda.Interpreter.Parsing;

internal sealed partial class PtxParser
{
    private void ParseVariables(PtxScope scope, List<PtxVariable> variables, bool isExternal)
    {
        var space = Next().Text switch
        {
            ".global" => StateSpace.Global,
            ".const" => StateSpace.Constant,
            ".shared" => StateSpace.Shared,
            ".local" => StateSpace.Local,
            _ => StateSpace.Parameter,
        };
        var variable = ParseVariable(space, isExternal);
        Declare(scope, variable.Name, variable);
        variables.Add(variable);
        Expect(';');
    }

    private PtxVariable ParseVariable(StateSpace space, bool isExternal)
    {
        var alignment = 0;
        while (Current.Text is ".align" or ".ptr" or ".global" or ".const" or ".shared" or ".local" or ".attribute")
        {
            var word = Next().Text;
            if (word == ".align")
            {
                alignment = (int)Integer();
            }
            else if (word == ".attribute")
            {
                SkipTo(')');
            }
        }
        var type = Type(Word("a type"));
        // .param .u64 .ptr .global .align 1 name: what a pointer points to is said behind the type.
        if (Current.IsWord(".ptr"))
        {
            while (Current.Text is ".ptr" or ".global" or ".const" or ".shared" or ".local" or ".align")
            {
                if (Next().Text == ".align")
                {
                    _ = Integer();
                }
            }
        }
        var line = Current.Line;
        var name = Word("a variable's name");
        long count = 1;
        while (Take('['))
        {
            count *= Current.Is(']') ? 0 : Integer();
            Expect(']');
        }
        var initializer = Take('=') ? ParseInitializer(type) : null;
        if (initializer?.Length > count * type.Bytes)
        {
            throw Error($"the initializer of {name} is longer than {name}");
        }
        return new PtxVariable(
            name,
            space,
            type,
            alignment == 0 ? type.Bytes : alignment,
            count * type.Bytes,
            isExternal,
            initializer,
            line
        );
    }

    private byte[] ParseInitializer(PtxType type)
    {
        var bytes = new List<byte>();
        var depth = 0;
        do
        {
            if (Take('{'))
            {
                depth++;
            }
            else if (Take('}'))
            {
                depth--;
            }
            else if (!Take(','))
            {
                if (Current.Kind != PtxTokenKind.Number)
                {
                    throw Error($"only numbers are supported in initializers, found {Current}");
                }
                var literal = Literal(Next());
                var bits = type.IsFloat ? LiteralConversion.ToFloat(literal, type) : literal.Bits;
                bytes.AddRange(BitConverter.GetBytes(bits).AsSpan(0, type.Bytes));
            }
        } while (depth > 0);
        return [.. bytes];
    }
}
