using FlowBP.Settings;

namespace FlowBP.Surrogates.Tests;

/// <summary>A misspelt name is answered with those it resembles most.</summary>
public class NearestNamesTests
{
    private static readonly string[] s_names = ["min_idx", "max_idx", "tau", "alpha", "h", "w", "learning_rate"];

    [TestCase("mni_idx", "min_idx")]
    [TestCase("amx_idx", "max_idx")]
    [TestCase("tua", "tau")]
    [TestCase("lerning_rate", "learning_rate")]
    [TestCase("learning-rates", "learning_rate")]
    [TestCase("hx", "h")]
    public void One_is_nearest(string typed, string nearest) =>
        Assert.That(NearestNames.Of(typed, s_names), Is.EqualTo(new[] { nearest }));

    [Test]
    public void Those_that_are_equally_near_are_all_named() =>
        Assert.That(
            NearestNames.Question("scale_", ["scale_a", "scale_b", "scale_c", "other"]),
            Is.EqualTo("(did you mean scale_a, scale_b or scale_c?)")
        );

    [Test]
    public void Nothing_is_guessed_where_nothing_is_near()
    {
        Assert.That(NearestNames.Of("frobnicate", s_names), Is.Empty);
        Assert.That(NearestNames.Question("frobnicate", s_names), Is.Empty);
        Assert.That(NearestNames.Of("x", []), Is.Empty);
    }

    [Test]
    public void An_exchange_of_neighbours_is_one_mistake_and_not_two() =>
        // Two substitutions lead to `abdc` as well; the exchange is nearer.
        Assert.That(NearestNames.Of("abdc", ["abcd", "abxy"]), Is.EqualTo(new[] { "abcd" }));
}
