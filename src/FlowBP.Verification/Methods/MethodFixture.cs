// Runs fixture folders of the methods: recorded training steps of an independent implementation, its index samplers and
// its optimizer. Everything that is run is the production code: planners from the registry, the executor, the kernels.

using System.Text.Json;

namespace FlowBP.Verification.Methods;

/// <summary>Checks methods, samplers and optimizer against a fixture folder.</summary>
/// <param name="load">Reads all tensors of a safetensors file; the caller of Run owns a dispose scope.</param>
/// <param name="kernels">The kernels under test.</param>
public sealed class MethodFixture(Func<string, IReadOnlyDictionary<string, Tensor>> load, ILatentKernels kernels)
{
    /// <summary>Largest relative error of a number in float64.</summary>
    public const double Tolerance = 1e-9;

    /// <summary>
    /// References whose largest magnitude is not above this are zero in exact arithmetic: the deviation of an exact
    /// replay, the gradient of a batch that was filtered out entirely.
    /// </summary>
    internal const double Negligible = 1e-10;

    private const string FormatFamily = "flowbp-method-goldens/";

    /// <summary>Whether a folder has the layout of method fixtures.</summary>
    /// <param name="folder">
    /// The folder itself, not what is below it. A damaged manifest is for <see cref="Run"/> to report, not a reason to
    /// overlook the folder.
    /// </param>
    public static bool Matches(string folder) => FixtureSearch.HasFormat(folder, FormatFamily, ifDamaged: true);

    /// <summary>Runs everything in a folder. Whatever is wrong with a case is in its result.</summary>
    /// <param name="folder">
    /// Folder with <c>manifest.json</c> and the tensors of its cases, and optionally <c>samplers.json</c> and
    /// <c>optim_adamw_ema.json</c> with its tensors.
    /// </param>
    /// <exception cref="JsonException">The manifest is not JSON.</exception>
    /// <exception cref="KeyNotFoundException">The manifest has no cases, or one has no name.</exception>
    public IReadOnlyList<FixtureResult> Run(string folder)
    {
        List<FixtureResult> results = [];
        using var manifest = JsonDocument.Parse(File.ReadAllText(Path.Combine(folder, "manifest.json")));
        foreach (var description in manifest.RootElement.GetProperty("cases").EnumerateArray())
        {
            var name = description.GetProperty("name").GetString()!;
            results.Add(FixtureResult.Guard(name, () => RunCase(name, folder, description)));
        }
        var samplers = Path.Combine(folder, "samplers.json");
        if (File.Exists(samplers))
        {
            results.AddRange(
                SamplerFixture.Sections(samplers).Select(section => FixtureResult.Guard(section.Name, section.Run))
            );
        }
        if (File.Exists(Path.Combine(folder, "optim_adamw_ema.json")))
        {
            results.Add(
                FixtureResult.Guard(
                    "optim_adamw_ema",
                    () => new OptimizerFixture(load, kernels).Run(folder, "optim_adamw_ema")
                )
            );
        }
        return results;
    }

    private FixtureResult RunCase(string name, string folder, JsonElement description)
    {
        using var scope = torch.NewDisposeScope();
        var tensors = load(Path.Combine(folder, description.GetProperty("file").GetString()!));
        var comparison = new Comparison(Tolerance, Negligible);
        new MethodCase(description, tensors, kernels).Run(comparison);
        return comparison.Result(name);
    }
}
