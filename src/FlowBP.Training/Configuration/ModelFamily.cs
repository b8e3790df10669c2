// The three families of models that the released configurations are for. A configuration names a folder or a repository; which
// family that is, is in the folder if it is there, and otherwise in its name.

using System.Text.Json;
using FlowBP.Models;
using FlowBP.Surrogates;
using FlowBP.Training.Alignment;

namespace FlowBP.Training.Configuration;

/// <summary>A family of models.</summary>
public sealed record ModelFamily
{
    // Eight pixels per latent element, two elements per token, in every family.
    private const int PixelsPerToken = 16;

    private ModelFamily() { }

    /// <summary>Name in presets.</summary>
    public required string Name { get; init; }

    /// <summary>Name for people.</summary>
    public required string Title { get; init; }

    /// <summary>Whether guidance is an input of the network, so that there is no negative branch.</summary>
    public bool HasEmbeddedGuidance { get; init; }

    /// <summary>The noise schedule of a number of steps and image tokens, as the released models have it.</summary>
    public required Func<int, int, NoiseSchedule> ScheduleOf { get; init; }

    /// <summary>The schedule in words.</summary>
    public required string ScheduleText { get; init; }

    private string[] Pipelines { get; init; } = [];

    private string[] NameParts { get; init; } = [];

    /// <summary>Stable Diffusion 3.5.</summary>
    public static ModelFamily SD35 { get; } =
        new()
        {
            Name = "sd35",
            Title = "Stable Diffusion 3.5",
            ScheduleOf = (steps, _) => NoiseSchedule.FlowMatchEuler(steps),
            ScheduleText = "static shift 3",
            Pipelines = [SD3Pipeline.ClassName],
            NameParts = ["stablediffusion3", "sd3"],
        };

    /// <summary>FLUX.1.</summary>
    public static ModelFamily Flux1 { get; } =
        new()
        {
            Name = "flux1",
            Title = "FLUX.1",
            HasEmbeddedGuidance = true,
            ScheduleOf = (steps, tokens) => NoiseSchedule.DynamicShift(steps, FlowMatchEuler.LinearMu(tokens)),
            ScheduleText = "dynamic shift, mu linear in the image tokens",
            Pipelines = [FluxPipeline.ClassName],
            NameParts = ["flux"],
        };

    /// <summary>FLUX.2.</summary>
    public static ModelFamily Flux2 { get; } =
        new()
        {
            Name = "flux2",
            Title = "FLUX.2",
            ScheduleOf = (steps, tokens) =>
                NoiseSchedule.DynamicShift(steps, FlowMatchEuler.EmpiricalMu(tokens, steps)),
            ScheduleText = "dynamic shift, empirical mu",
            Pipelines = [Flux2KleinPipeline.ClassName, "Flux2Pipeline"],
            NameParts = ["flux2"],
        };

    /// <summary>All families, in the order of the presets.</summary>
    public static IReadOnlyList<ModelFamily> All { get; } = [SD35, Flux1, Flux2];

    /// <summary>The family of a model.</summary>
    /// <param name="model">A folder, a repository's name, or <c>embedded</c>.</param>
    /// <returns>Null where neither the folder nor the name tells.</returns>
    public static ModelFamily? Of(string model)
    {
        if (model == AlignmentSettings.Embedded)
        {
            return SD35;
        }
        if (PipelineIn(model) is { } pipeline)
        {
            return All.FirstOrDefault(backbone => backbone.Pipelines.Contains(pipeline));
        }
        var letters = string.Concat(model.Where(char.IsAsciiLetterOrDigit)).ToLowerInvariant();
        // The longest match: flux2 is not flux.
        return All.SelectMany(backbone => backbone.NameParts.Select(part => (backbone, part)))
            .Where(pair => letters.Contains(pair.part, StringComparison.Ordinal))
            .OrderByDescending(pair => pair.part.Length)
            .Select(pair => pair.backbone)
            .FirstOrDefault();
    }

    /// <summary>Image tokens of a picture.</summary>
    /// <param name="height">Pixels.</param>
    /// <param name="width">Pixels.</param>
    public static int Tokens(int height, int width) => height / PixelsPerToken * (width / PixelsPerToken);

    // What is wrong with a folder is said when it is loaded, not when it is asked for its name.
    private static string? PipelineIn(string folder)
    {
        var index = Path.Combine(folder, "model_index.json");
        if (!File.Exists(index))
        {
            return null;
        }
        try
        {
            using var json = JsonDocument.Parse(File.ReadAllText(index));
            return json.RootElement.TryGetProperty("_class_name", out var name) ? name.GetString() : null;
        }
        catch (Exception e) when (e is JsonException or IOException or InvalidOperationException)
        {
            return null;
        }
    }
}
