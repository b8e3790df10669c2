using FlowBP.Cli.Machine;

namespace FlowBP.Cli.Tests;

/// <summary>`doctor` says what is there, and what to do about what is not.</summary>
public class DoctorTests
{
    [Test]
    public void It_names_everything_that_decides_how_fast_the_program_runs()
    {
        var run = CommandRun.Of("doctor");
        foreach (
            var what in new[]
            {
                ".NET",
                "CPU",
                "memory",
                "libtorch",
                "BLAS",
                "threads",
                "matrix product",
                "GPU",
                "disk",
            }
        )
        {
            Assert.That(run.OutputLines, Has.Some.StartsWith($"{what} "));
        }
        Assert.That(run.OutputLines.Select(line => line.Length), Is.All.LessThanOrEqualTo(80));
    }

    [Test]
    public void It_says_who_provides_tensors_and_what_that_is_instead_of()
    {
        Environment.SetEnvironmentVariable("FLOWBP_INSTEAD_OF_PACKAGE", "it is cut off");
        try
        {
            var finding = Checkup.Run(() => "/no/model").Single(finding => finding.What == "tensors").Found;
            Assert.That(
                finding,
                TorchLibrary.Provider == "FlowBP"
                    ? Does.StartWith("FlowBP's own binding (")
                        .And.EndsWith(", instead of the TorchSharp package: it is cut off")
                    : Is.EqualTo("the TorchSharp package 0.107.0 with libtorch from its package")
            );
        }
        finally
        {
            Environment.SetEnvironmentVariable("FLOWBP_INSTEAD_OF_PACKAGE", null);
        }
    }

    [Test]
    public void A_missing_model_is_not_overlooked()
    {
        var finding = Checkup.Run(() => "/no/model").Single(finding => finding.What == "embedded model");
        Assert.That(finding.Verdict, Is.EqualTo(Verdict.Missing));
        Assert.That(finding.Found, Does.Contain("/no/model").And.Contain("pretrain"));
    }

    [Test]
    public void The_matrix_product_is_right_and_its_rate_a_number()
    {
        var product = MatrixProduct.Measure();
        Assert.That(product.IsRight);
        Assert.That(product.GigaflopsPerSecond, Is.GreaterThan(0).And.LessThan(1e6));
    }
}
