using FlowBP.Surrogates.Verification;

namespace FlowBP.Surrogates.Tests;

/// <summary>All seven methods, the samplers and the optimizer, against recordings of the released implementation.</summary>
public class MethodFixtureTests
{
    [Test]
    public void Every_recorded_case_agrees_to_1e_9()
    {
        var folder = SharedFolder.Require("goldens", "methods");
        var results = new MethodFixture(SimpleSafetensors.Load, new CpuLatentKernels()).Run(folder);

        foreach (var result in results)
        {
            TestContext.Out.WriteLine($"{result.Outcome} {result.Name} {result.WorstError:e2} {result.Detail}");
        }
        using (Assert.EnterMultipleScope())
        {
            Assert.That(results.Count(result => !result.Name.Contains('/')), Is.EqualTo(42), "41 cases and the optimizer");
            Assert.That(results.Where(result => !result.Passed), Is.Empty);
        }
    }
}
