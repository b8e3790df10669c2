// Runs fixture folders of the methods: recorded training steps of an independent implementation, its index samplers and
// its optimizer. Everything that is run is the production code: planners from the registry, the executor, the kernels.

using System.Text.Json;

namespace FlowBP.Surrogates.Verification;

/// <summary>Checks methods, samplers and optimizer against a fixture folder.</summary>
/// <param name="load">Reads all tensors of a safetensors file; the caller of Run owns a dispose scope.</param>
/// <param name="kernels">The kernels under test.</param>
public sealed class MethodFixture(Func<string, IReadOnlyDictionary<string, Tensor>> load, ILatentKernels kernels)
{
    /// <summary>Largest relative error of a number in float64.</summary>
    public const double Tolerance = 1e-9;

    private const string Format = "flowbp-method-goldens/1";

    /// <summary>Folders at or below a root that have the layout of method fixtures.</summary>
    /// <param name="root">Folder to search.</param>
    public static IEnumerable<string> Find(string root) =>
        Directory
            .EnumerateFiles(root, "manifest.json", SearchOption.AllDirectories)
            .Where(file => FormatOf(file) == Format)
            .Select(file => Path.GetDirectoryName(file)!)
            .Order(StringComparer.Ordinal);

    /// <summary>Runs everything in a folder. Whatever goes wrong is in the results; nothing is thrown.</summary>
    /// <param name="folder">
    /// Folder with <c>manifest.json</c> and the tensors of its cases, and optionally <c>samplers.json</c> and
    /// <c>optim_adamw_ema.json</c> with its tensors.
    /// </param>
    public IReadOnlyList<FixtureResult> Run(string folder)
    {
        List<FixtureResult> results = [];
        using var manifest = JsonDocument.Parse(File.ReadAllText(Path.Combine(folder, "manifest.json")));
        foreach (var description in manifest.RootElement.GetProperty("cases").EnumerateArray())
        {
            var name = description.GetProperty("name").GetString()!;
            results.Add(Guard(name, () => RunCase(name, folder, description)));
        }
        var samplers = Path.Combine(folder, "samplers.json");
        if (File.Exists(samplers))
        {
            results.AddRange(SamplerFixture.Sections(samplers).Select(section => Guard(section.Name, section.Run)));
        }
        if (File.Exists(Path.Combine(folder, "optim_adamw_ema.json")))
        {
            results.Add(
                Guard("optim_adamw_ema", () => new OptimizerFixture(load, kernels).Run(folder, "optim_adamw_ema"))
            );
        }
        return results;
    }

    private FixtureResult RunCase(string name, string folder, JsonElement description)
    {
        using var scope = torch.NewDisposeScope();
        var tensors = load(Path.Combine(folder, description.GetProperty("file").GetString()!));
        var comparison = new Comparison(Tolerance);
        new MethodCase(description, tensors, kernels).Run(comparison);
        return comparison.Result(name);
    }

    // A fixture that can't be run is a failed fixture, and its reason is its detail; the others still run.
    private static FixtureResult Guard(string name, Func<FixtureResult> run)
    {
        try
        {
            return run();
        }
        catch (Exception e)
        {
            return new(name, FixtureOutcome.Failed, double.NaN, $"{e.GetType().Name}: {e.Message}");
        }
    }

    private static string? FormatOf(string manifest)
    {
        using var document = JsonDocument.Parse(File.ReadAllText(manifest));
        return document.RootElement.TryGetProperty("format", out var format) ? format.GetString() : null;
    }
}
