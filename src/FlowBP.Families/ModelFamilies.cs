// The families that there are, and which of them a model is of: by its folder's table of contents, by the names in a file of weights, or
// by what it is called. Whatever asks "which family?" is a view of All.

using FlowBP.Families.Flux1;
using FlowBP.Families.Flux2;
using FlowBP.Families.SD3;
using FlowBP.Formats;

namespace FlowBP.Families;

/// <summary>All families, and how a model's is found.</summary>
public static class ModelFamilies
{
    /// <summary>The word for the embedded model, of the family of Stable Diffusion 3.</summary>
    public const string Embedded = "embedded";

    private static readonly Lock Registering = new();

    /// <summary>Stable Diffusion 3 and 3.5.</summary>
    public static ModelFamily SD35 { get; } = SD3Family.Create();

    /// <summary>FLUX.1.</summary>
    public static ModelFamily Flux1 { get; } = Flux1Family.Create();

    /// <summary>FLUX.2.</summary>
    public static ModelFamily Flux2 { get; } = Flux2Family.Create();

    /// <summary>All families, in the order of the presets; those that were registered follow.</summary>
    public static IReadOnlyList<ModelFamily> All { get; private set; } = [SD35, Flux1, Flux2];

    /// <summary>Adds a family, for programs that have one of their own. It is known from then on, everywhere.</summary>
    /// <param name="family">The family.</param>
    /// <exception cref="ArgumentException">Its name or one of its pipelines is another family's.</exception>
    public static void Register(ModelFamily family)
    {
        lock (Registering)
        {
            if (All.FirstOrDefault(known => Clash(known, family) is not null) is { } other)
            {
                throw new ArgumentException($"found a family with {Clash(other, family)}, which {other.Title} has");
            }
            All = [.. All, family];
        }
    }

    /// <summary>The family of a model.</summary>
    /// <param name="model">A folder, a repository's name, or <see cref="Embedded"/>.</param>
    /// <returns>Null where neither the folder nor the name tells.</returns>
    public static ModelFamily? Of(string model)
    {
        if (model == Embedded)
        {
            return SD35;
        }
        if (PipelineIn(model) is { } pipeline)
        {
            return All.FirstOrDefault(family => family.PipelineClasses.Contains(pipeline));
        }
        var letters = LettersOf(model);
        // The longest match: flux2 is not flux.
        return All.SelectMany(family => family.NameParts.Select(part => (family, part)))
            .Where(pair => letters.Contains(pair.part, StringComparison.Ordinal))
            .OrderByDescending(pair => pair.part.Length)
            .Select(pair => pair.family)
            .FirstOrDefault();
    }

    /// <summary>The family that reads a model folder.</summary>
    /// <param name="layout">The folder.</param>
    /// <exception cref="CheckpointException">It has no table of contents, or one of a pipeline that is not read here.</exception>
    public static ModelFamily Reading(DiffusersFolder layout)
    {
        var name = layout.Contents.PipelineClass;
        return All.FirstOrDefault(family => family.PipelineClasses[0] == name)
            ?? throw CheckpointException.ForFile(
                layout.Index,
                $"found pipeline class {name}, expected one of {string.Join(", ", All.Select(family => family.PipelineClasses[0]))}"
            );
    }

    /// <summary>The family whose original names a file of weights has; null: none.</summary>
    /// <param name="file">The file.</param>
    public static ModelFamily? WithOriginalNamesOf(ICheckpointSource file) =>
        All.FirstOrDefault(family => family.OriginalNames?.Recognises(file.Tensors.Keys) ?? false);

    /// <summary>The letters and digits of a name, in lower case: how names of repositories are compared.</summary>
    /// <param name="name">The name.</param>
    public static string LettersOf(string name) =>
        string.Concat(name.Where(char.IsAsciiLetterOrDigit)).ToLowerInvariant();

    private static string? Clash(ModelFamily known, ModelFamily other) =>
        known.Name == other.Name ? $"the name {known.Name}"
        : known.PipelineClasses.Intersect(other.PipelineClasses).FirstOrDefault() is { } pipeline
            ? $"the pipeline {pipeline}"
        : null;

    // What is wrong with a folder is said when it is loaded, not when it is asked for its name.
    private static string? PipelineIn(string folder)
    {
        var layout = new DiffusersFolder(folder);
        try
        {
            return File.Exists(layout.Index) ? layout.Contents.PipelineClass : null;
        }
        catch (CheckpointException)
        {
            return null;
        }
    }
}
