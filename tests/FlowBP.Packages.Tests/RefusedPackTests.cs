namespace FlowBP.Packages.Tests;

/// <summary>What can't be named as a dependency is not packed.</summary>
public class RefusedPackTests
{
    [TestCase("TorchProvider=FlowBP", "packages are made with TorchSharp only")]
    [TestCase("TorchSharpAssembly=/somewhere/TorchSharp.dll", "can only depend on the TorchSharp package")]
    public void Packing_with_another_provider_is_refused_before_anything_is_built(string property, string reason)
    {
        var output = Path.Combine(PackedSolution.Scratch, "refused");
        var project = Path.Combine(PackedSolution.Root, "src", "FlowBP.Cuda");
        var result = DotnetCommand.Run(
            PackedSolution.Scratch,
            "pack",
            project,
            "--output",
            output,
            "-nodeReuse:false",
            $"-p:{property}"
        );
        Assert.That(result.Code, Is.Not.Zero, result.Output);
        Assert.That(result.Output, Does.Contain(reason).And.Contain(property.Split('=')[1]));
        Assert.That(Directory.Exists(output), Is.False);
    }
}
