// The structures that travel from C# to the kernels, as both compilers lay them out.

using System.Reflection;
using System.Runtime.InteropServices;
using System.Text.RegularExpressions;

namespace FlowBP.Kernels.Cuda.Tests;

public partial class ParameterLayoutTests
{
    private const int MaxParameterBytes = 4096;

    private static readonly Type[] Structures =
    [
        typeof(QuadratureParameters),
        typeof(ScalingParameters),
        typeof(AdamWEmaEntry),
        typeof(AdamWEmaParameters),
        typeof(SquaredNormEntry),
        typeof(SquaredNormParameters),
        typeof(AdalnModulateParameters),
        typeof(GatedResidualParameters),
        typeof(QkNormRopeParameters),
        typeof(GuidedEulerStepParameters),
    ];

    [Test]
    public void Sizes_and_offsets_agree_with_the_kernels()
    {
        var mirrored = Structures.SelectMany(LinesOf);
        Assert.That(mirrored, Is.EqualTo(EmulationLibrary.Layout.Split('\n', StringSplitOptions.RemoveEmptyEntries)));
    }

    private static IEnumerable<string> LinesOf(Type structure)
    {
        yield return $"{structure.Name} {Marshal.SizeOf(structure)}";
        foreach (var field in structure.GetFields(BindingFlags.Instance | BindingFlags.NonPublic))
        {
            var name = Capital().Replace(field.Name, "_$1").ToLowerInvariant()[1..];
            yield return $"{structure.Name}.{name} {Marshal.OffsetOf(structure, field.Name)}";
        }
    }

    [Test]
    public void The_kernels_are_those_that_the_host_knows()
    {
        var found = EmulationBuild.KernelsIn("kernels");
        var expected = CudaKernelNames.ByFile;
        Assert.That(found.Keys.Select(Path.GetFileNameWithoutExtension), Is.EquivalentTo(expected.Keys));
        foreach (var (file, kernels) in found)
        {
            Assert.That(kernels, Is.EquivalentTo(expected[Path.GetFileNameWithoutExtension(file)]), file);
        }
    }

    [Test]
    public void Every_kernel_takes_one_structure_that_a_launch_can_carry()
    {
        foreach (var kernel in CudaKernelNames.ByFile.Values.SelectMany(kernels => kernels))
        {
            var sizes = EmulationLibrary.ParametersOf(kernel);
            Assert.That(sizes, Has.Length.EqualTo(1), kernel);
            Assert.That(sizes![0], Is.LessThanOrEqualTo(MaxParameterBytes), kernel);
        }
    }

    [GeneratedRegex("([A-Z])")]
    private static partial Regex Capital();
}
