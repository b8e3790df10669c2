// The kernels as a run gets them: out of the assembly.

namespace FlowBP.Kernels.Cuda.Tests;

public sealed class EmbeddedCudaKernelsTests
{
    [Test]
    public void The_assembly_carries_the_texts_of_the_repository()
    {
        Assert.That(
            EmbeddedKernels.Sources.Names,
            Is.EquivalentTo(CudaKernelNames.ByFile.Keys.Select(file => $"{file}.cu"))
        );
        var folder = Path.Combine(EmulationBuild.Repository, "kernels");
        foreach (var name in EmbeddedKernels.Sources.Names)
        {
            var source = EmbeddedKernels.Sources.Source(name);
            Assert.That(source.Text, Is.EqualTo(File.ReadAllText(Path.Combine(folder, name))), name);
            Assert.That(
                source.Headers.Keys,
                Is.EquivalentTo(Directory.GetFiles(folder, "*.cuh").Select(Path.GetFileName))
            );
        }
    }
}
