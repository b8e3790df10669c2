// What is particular to a family of models, in one record: how its folders are read, its prompts, schedule, original names, adapters
// and sizes. A family fills it in once, in its own folder; which families there are, and which one a model is of, says ModelFamilies.

using FlowBP.Families.Inspection;
using FlowBP.Families.Networks;
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
    // Eight pixels per latent element, two elements per token, in every family.
    private const int PixelsPerToken = 16;

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

    /// <summary>The transformer of a configuration, new.</summary>
    /// <param name="json">Its configuration.</param>
    /// <exception cref="CheckpointException">A key is unknown, ill-typed or asks for what is not implemented.</exception>
    public FlowTransformer NewTransformer(ConfigReader json) => (FlowTransformer)Transformer.Build(json);

    /// <summary>Reads the transformer's <c>config.json</c> and its weights from a folder.</summary>
    /// <param name="folder">A folder with <c>config.json</c> and weights, under diffusers' names or the original ones.</param>
    /// <param name="weights">A file of weights instead of those in the folder; null: those.</param>
    /// <exception cref="CheckpointException">A file is missing, damaged, or does not fit the other.</exception>
    public FlowTransformer LoadTransformer(string folder, string? weights = null)
    {
        var config = Path.Combine(folder, "config.json");
        return StoredNetwork.Load(
            config,
            weights ?? folder,
            Transformer.LeastElements?.Invoke(ConfigReader.Open(config)),
            () => NewTransformer(ConfigReader.Open(config)),
            model => TransformerWeights.LoadInto(model, weights ?? folder)
        );
    }

    /// <summary>Image tokens of a picture.</summary>
    /// <param name="height">Pixels.</param>
    /// <param name="width">Pixels.</param>
    public static int Tokens(int height, int width) => height / PixelsPerToken * (width / PixelsPerToken);
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
