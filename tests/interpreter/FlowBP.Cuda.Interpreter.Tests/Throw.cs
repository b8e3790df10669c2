// What a test of a check expects.

using NUnit.Framework.Constraints;

namespace FlowBP.Cuda.Interpreter.Tests;

internal static class Throw
{
    /// <summary>A finding of a kind, whose message has all the given parts.</summary>
    public static IResolveConstraint Finding(Finding finding, params string[] parts)
    {
        var inner =
            new ExactTypeConstraint(typeof(InterpreterException))
            & new PropertyConstraint(nameof(InterpreterException.Finding), new EqualConstraint(finding));
        foreach (var part in parts)
        {
            inner &= new PropertyConstraint(nameof(Exception.Message), new SubstringConstraint(part));
        }
        return new ThrowsConstraint(inner);
    }
}
