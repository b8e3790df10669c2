// How many cases a fuzz test draws. Seeds are fixed: a case is found again by its number, here and elsewhere.

using System.Globalization;

namespace FlowBP.Tests.Fuzzing;

internal static class FuzzCases
{
    /// <summary>Cases of a test unless FLOWBP_FUZZ_CASES says another number.</summary>
    public const int Usual = 10_000;

    private const string Variable = "FLOWBP_FUZZ_CASES";

    /// <summary>The number of cases.</summary>
    /// <param name="usual">Fewer where one case is long.</param>
    public static int Count(int usual = Usual) =>
        Environment.GetEnvironmentVariable(Variable) is { Length: > 0 } given
            ? int.Parse(given, CultureInfo.InvariantCulture)
            : usual;

    /// <summary>The random numbers of a case: those of a number and a test are always the same.</summary>
    /// <param name="test">Which test; a constant of its own.</param>
    /// <param name="number">The case, from 0.</param>
    public static Random Random(int test, int number) => new(unchecked(test * 1_000_003 + number));
}
