// What is particular to a family of models, in one record: how its folders are read, its prompts, schedule, original names, adapters
// and sizes. A family fills it in once, in its own folder; whatever asks "which family, and how?" is a view of All.

using FlowBP.Families.Flux1;
using FlowBP.Families.Flux2;
using FlowBP.Families.Inspection;
using FlowBP.Families.Networks;
using FlowBP.Families.SD3;
using FlowBP.Families.Tracing;
using FlowBP.Formats;
using FlowBP.Models.Autoencoders;
using FlowBP.Models.Layers;
using FlowBP.Models.Original;
using FlowBP.Models.Prompts;
using FlowBP.Models.Schedulers;
using FlowBP.Surrogates;

namespace FlowBP.Families;

/// <summary>A family of models.</summary>
public sealed record ModelFamily
{
    /// <summary>The word for the embedded model, of the family of Stable Diffusion 3.</summary>
    public const string Embedded = "embedded";

    // Eight pixels per latent element, two elements per token, in every family.
    private const int PixelsPerToken = 16;

    private static readonly Lock Registering = new();

    /// <summary>Name in presets and of the released model in <c>plan</c>.</summary>
    public required string Name { get; init; }

    /// <summary>Name for people.</summary>
    public required string Title { get; init; }

    /// <summary>
    /// Classes of pipelines in <c>model_index.json</c>. The first is the one that is read; what else is of the family has its
    /// presets and schedule.
    /// </summary>
    public required IReadOnlyList<string> PipelineClasses { get; init; }

    /// <summary>What the name of a repository or folder of the family contains: small letters and digits only.</summary>
    public IReadOnlyList<string> NameParts { get; init; } = [];

    /// <summary>Whether guidance is an input of the network, so that there is no negative branch.</summary>
    public bool HasEmbeddedGuidance { get; init; }

    /// <summary>The noise schedule of a number of steps and image tokens, as the released models have it.</summary>
    public required Func<int, int, NoiseSchedule> ScheduleOf { get; init; }

    /// <summary>The schedule in words.</summary>
    public required string ScheduleText { get; init; }

    /// <summary>The schedule that a folder's settings ask for, of a number of steps and image tokens.</summary>
    public Func<FlowMatchEulerConfig, int, int, NoiseSchedule> Schedule { get; init; } =
        (config, steps, tokens) => config.Schedule(steps, tokens);

    /// <summary>The layers that adapters change unless told otherwise.</summary>
    public required IReadOnlyList<string> AdapterTargets { get; init; }

    /// <summary>The autoencoder.</summary>
    public required AutoencoderKind Autoencoder { get; init; }

    /// <summary>Whether <c>model_index.json</c> says if the model was distilled from guidance.</summary>
    public bool SaysWhetherDistilled { get; init; }

    /// <summary>The text encoders of a folder.</summary>
    public required EncoderLayout Encoders { get; init; }

    /// <summary>Loads the text encoders: tokens of the longest sequence and type of the parameters, null for the defaults.</summary>
    public required Func<DiffusersFolder, int?, ScalarType?, IPromptSource> LoadEncoders { get; init; }

    /// <summary>Refuses a folder without the text encoders that a model can't be without; null: it can be without all.</summary>
    public Action<DiffusersFolder>? RequireEncoders { get; init; }

    /// <summary>Text tokens that the transformer sees, of encoders whose <c>Name</c> and <c>Tokens</c> are known.</summary>
    public required Func<IReadOnlyList<PlannedEncoder>, long> TextTokensOf { get; init; }

    /// <summary>The transformer, as it is recognised and built.</summary>
    public required NetworkArchitecture Transformer { get; init; }

    /// <summary>The transformer's original names, by which its files are recognised; null: it was published under diffusers' names.</summary>
    internal OriginalNames? OriginalNames { get; init; }

    /// <summary>The full-size model that was released, on paper; null: none.</summary>
    public ReleasedModel? Released { get; init; }

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
            if (All.FirstOrDefault(known => known.Clash(family) is not null) is { } other)
            {
                throw new ArgumentException($"found a family with {other.Clash(family)}, which {other.Title} has");
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

    /// <summary>The transformer of a configuration, new.</summary>
    /// <param name="json">Its configuration.</param>
    /// <exception cref="CheckpointException">A key is unknown, ill-typed or asks for what is not implemented.</exception>
    public FlowTransformer NewTransformer(ConfigReader json) => (FlowTransformer)Transformer.Build(json);

    /// <summary>Reads the transformer's <c>config.json</c> and its weights from a folder.</summary>
    /// <param name="folder">A folder with <c>config.json</c> and weights, under diffusers' names or the original ones.</param>
    /// <param name="weights">A file of weights instead of those in the folder; null: those.</param>
    /// <exception cref="CheckpointException">A file is missing, damaged, or does not fit the other.</exception>
    public FlowTransformer LoadTransformer(string folder, string? weights = null) =>
        Unfinished.Filled(
            NewTransformer(ConfigReader.Open(Path.Combine(folder, "config.json"))),
            model => TransformerWeights.LoadInto(model, weights ?? folder)
        );

    /// <summary>The identity of a model folder's text encoders.</summary>
    /// <param name="folder">A folder in diffusers' layout, with its text encoders.</param>
    /// <param name="maxSequenceLength">Tokens of the longest sequence; the family's default if null.</param>
    /// <exception cref="CheckpointException">A file is missing or damaged, or the pipeline is not known.</exception>
    /// <exception cref="SequenceLengthException">The encoders can't have that length.</exception>
    public static EncoderIdentity EncoderIdentityOf(string folder, int? maxSequenceLength = null)
    {
        var layout = new DiffusersFolder(folder);
        return EncoderIdentity.Of(layout, Reading(layout).Encoders, maxSequenceLength);
    }

    /// <summary>Image tokens of a picture.</summary>
    /// <param name="height">Pixels.</param>
    /// <param name="width">Pixels.</param>
    public static int Tokens(int height, int width) => height / PixelsPerToken * (width / PixelsPerToken);

    /// <summary>The letters and digits of a name, in lower case: how names of repositories are compared.</summary>
    /// <param name="name">The name.</param>
    public static string LettersOf(string name) =>
        string.Concat(name.Where(char.IsAsciiLetterOrDigit)).ToLowerInvariant();

    private string? Clash(ModelFamily other) =>
        Name == other.Name ? $"the name {Name}"
        : PipelineClasses.Intersect(other.PipelineClasses).FirstOrDefault() is { } pipeline ? $"the pipeline {pipeline}"
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

/// <summary>A released full-size model, whose sizes are known without a folder.</summary>
/// <param name="Endings">How the names of its repositories and folders end: small letters and digits only.</param>
/// <param name="Planned">Its networks on paper, rewards apart.</param>
public sealed record ReleasedModel(IReadOnlyList<string> Endings, Func<PlannedModel> Planned);

/// <summary>An autoencoder, as it is recognised and read.</summary>
/// <param name="Name">The class as the ecosystem calls it.</param>
/// <param name="Load">Reads it from its folder.</param>
public sealed record AutoencoderKind(string Name, Func<string, LatentAutoencoder> Load)
{
    /// <summary>The autoencoder of Stable Diffusion 3 and FLUX.1.</summary>
    public static AutoencoderKind KL { get; } = new(nameof(AutoencoderKL), AutoencoderKL.FromFolder);

    /// <summary>FLUX.2's.</summary>
    public static AutoencoderKind KLFlux2 { get; } = new(nameof(AutoencoderKLFlux2), AutoencoderKLFlux2.FromFolder);
}
