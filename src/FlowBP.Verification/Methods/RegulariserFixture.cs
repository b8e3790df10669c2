// Runs fixture folders of what stands against reward hacking: anchors at the active steps, and smoothed rewards. As with the methods, it
// is the executor that is run; the recordings hold what its phases leave behind.

using System.Text.Json;
using FlowBP.Settings;

namespace FlowBP.Verification.Methods;

/// <summary>Checks anchors and smoothed rewards against a fixture folder.</summary>
/// <param name="load">Reads all tensors of a safetensors file; the caller of Run owns a dispose scope.</param>
/// <param name="kernels">The kernels under test.</param>
public sealed class RegulariserFixture(Func<string, IReadOnlyDictionary<string, Tensor>> load, ILatentKernels kernels)
{
    private const string FormatFamily = "flowbp-regulariser-goldens/";

    private static readonly Dictionary<
        string,
        Func<JsonElement, IReadOnlyDictionary<string, Tensor>, IRegulariserCase>
    > s_kinds = new()
    {
        ["velocity_l2"] = (description, tensors) => new AnchorCase(description, tensors),
        ["norm_hinge"] = (description, tensors) => new AnchorCase(description, tensors),
        ["combined"] = (description, tensors) => new AnchorCase(description, tensors),
        ["smoothed_reward"] = (description, tensors) => new SmoothedRewardCase(description, tensors),
    };

    /// <summary>Whether a folder has the layout of these fixtures.</summary>
    /// <param name="folder">The folder itself, not what is below it.</param>
    public static bool Matches(string folder) => FixtureSearch.HasFormat(folder, FormatFamily, ifDamaged: false);

    /// <summary>Runs every case of a folder. Whatever is wrong with a case is in its result.</summary>
    /// <param name="folder">Folder with <c>manifest.json</c> and the tensors of its cases.</param>
    /// <exception cref="KeyNotFoundException">The manifest has no cases, or one has no name.</exception>
    public IReadOnlyList<FixtureResult> Run(string folder)
    {
        using var manifest = JsonDocument.Parse(File.ReadAllText(Path.Combine(folder, "manifest.json")));
        return
        [
            .. manifest
                .RootElement.GetProperty("cases")
                .EnumerateArray()
                .Select(description =>
                {
                    var name = description.GetProperty("name").GetString()!;
                    return FixtureResult.Guard(name, () => RunCase(name, folder, description));
                }),
        ];
    }

    private FixtureResult RunCase(string name, string folder, JsonElement description)
    {
        using var scope = torch.NewDisposeScope();
        var kind = description.GetProperty("kind").GetString()!;
        if (!s_kinds.TryGetValue(kind, out var make))
        {
            throw new UnknownNameException("kind", kind, s_kinds.Keys);
        }
        var tensors = load(Path.Combine(folder, description.GetProperty("file").GetString()!));
        var comparison = new Comparison(MethodFixture.Tolerance, MethodFixture.Negligible);
        make(description, tensors).Run(comparison, kernels);
        return comparison.Result(name);
    }
}

/// <summary>A recorded case.</summary>
internal interface IRegulariserCase
{
    /// <summary>Repeats it by the executor, and compares.</summary>
    void Run(Comparison comparison, ILatentKernels kernels);
}
