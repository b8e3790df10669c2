// Every network against the numbers of an independent implementation: outputs, input gradients, parameter gradients.

using FlowBP.Verification;
using FlowBP.Verification.Networks;

namespace FlowBP.Models.Tests;

public sealed class GoldenNetworkTests
{
    // float32 against float32 in another order of summation; the references' own error against float64 is below 2e-6.
    private const double Tolerance = 1e-4;

    [TestCase("sd3_vae")]
    [TestCase("flux1_vae")]
    [TestCase("clip_l_text")]
    [TestCase("clip_bigg_text")]
    [TestCase("pickscore_clip")]
    [TestCase("hpsv2_clip")]
    [TestCase("sd3_transformer")]
    [TestCase("resize_bicubic_antialias")]
    [TestCase("flux1_transformer")]
    [TestCase("flux2_transformer")]
    [TestCase("flux2_vae")]
    [TestCase("packing")]
    [TestCase("t5_encoder")]
    [TestCase("qwen3_text")]
    [TestCase("sd3_encode_prompt")]
    public void Network_agrees_with_the_independent_implementation(string fixture)
    {
        var folder = SharedFolder.Require($"goldens/models/{fixture}");

        var result = ModelFixture.Run(folder, Tolerance);

        TestContext.Out.WriteLine($"{result.WorstError:E2} {result.Detail}");
        Assert.That(result.Outcome, Is.EqualTo(FixtureOutcome.Passed), $"{result.WorstError:E2}: {result.Detail}");
    }
}
