// Every command that paints takes the same settings for it: which model, which adapter on it, where its prompts' embeddings come
// from, how large the pictures are, and in which types it computes. They are read here, and here the model is opened.

using FlowBP.Families;
using FlowBP.Formats;
using FlowBP.Settings;
using FlowBP.Training.Configuration;
using FlowBP.Training.Devices;
using S = FlowBP.Training.Configuration.AlignmentSettings;

namespace FlowBP.Training.Pipelines;

/// <summary>A model and how it is to be used, as settings say.</summary>
public sealed record ModelChoice
{
    // Eight pixels per latent element, two elements per patch: every released model paints in such units.
    private const int PixelUnit = 16;

    /// <summary>A folder in diffusers' layout.</summary>
    public required string Folder { get; init; }

    /// <summary>Guidance scale.</summary>
    public required double Guidance { get; init; }

    /// <summary>Guidance scale outside of training; null: <see cref="Guidance"/>.</summary>
    public double? SamplingGuidance { get; init; }

    /// <summary>Whether the negative branch is a constant in gradients.</summary>
    public bool DetachNegative { get; init; } = true;

    /// <summary>Size of the pictures; null: the one the model was made for.</summary>
    public ImageSize? Size { get; init; }

    /// <summary>Folder of the prompts' embeddings; null: the model's own text encoders are loaded.</summary>
    public string? PromptEmbeds { get; init; }

    /// <summary>Tokens of a prompt; null: as the model's pipeline has it.</summary>
    public int? MaxSequenceLength { get; init; }

    /// <summary>Types and adapter.</summary>
    public ComputeOptions Compute { get; init; } = new();

    /// <summary>Threads that share a batch, on a CPU.</summary>
    public int Workers { get; init; } = 1;

    /// <summary>Reads the settings that all commands have; nothing is trained unless the caller says so.</summary>
    /// <param name="values">Values of these settings.</param>
    /// <exception cref="ConfigurationException">The settings don't go together.</exception>
    public static ModelChoice Of(SettingValues values)
    {
        var (folder, transformer) = ModelFiles.Of(values.GivenModel(), values.PathOf(S.Transformer));
        return new()
        {
            Folder = folder,
            Guidance = values.Get(S.CfgGuidance),
            Size = SizeIn(values),
            PromptEmbeds = values.PathOf(S.PromptEmbeds),
            MaxSequenceLength = values.Get(S.MaxSequenceLength),
            Compute = new()
            {
                Compute = values.Get(S.ComputeDtype),
                StoredLora = StoredAdapterOf(values),
                TransformerWeights = transformer,
                Trains = false,
            },
            Workers = values.Get(S.CpuWorkers),
        };
    }

    // The scale is a setting of the commands that only paint.
    private static StoredAdapter? StoredAdapterOf(SettingValues values)
    {
        var scale = values.Settings.Contains(S.LoraScale) ? values.Get(S.LoraScale) : 1;
        var path = values.PathOf(S.LoraWeights);
        if (path is null && values.IsGiven(S.LoraScale))
        {
            throw new ConfigurationException("lora_scale has no meaning without lora_weights");
        }
        return path is null ? null : new(path, Scale: scale);
    }

    /// <summary>Size of the pictures; null: none is given.</summary>
    /// <param name="values">Values of <c>height</c> and <c>width</c>.</param>
    /// <exception cref="ConfigurationException">One is given without the other, or no model paints in such units.</exception>
    public static ImageSize? SizeIn(SettingValues values) =>
        (values.Get(S.Height), values.Get(S.Width)) switch
        {
            (null, null) => null,
            ({ } height, { } width) => height % PixelUnit == 0 && width % PixelUnit == 0
                ? new ImageSize(height, width)
                : throw new ConfigurationException(
                    $"height and width must be multiples of {PixelUnit}, found {height} and {width}"
                ),
            _ => throw new ConfigurationException("height and width are given together or not at all"),
        };

    /// <summary>Loads the model.</summary>
    /// <param name="device">Where it computes; it stays the caller's.</param>
    /// <param name="prompts">Every prompt that it will be asked for.</param>
    /// <param name="notice">Hears which prompts are too long; null: nobody.</param>
    /// <exception cref="Formats.CheckpointException">
    /// A file is missing, damaged or does not fit, or the embeddings belong to another model or lack a prompt.
    /// </exception>
    /// <exception cref="ConfigurationException">The model does not have what a setting asks for, such as a size.</exception>
    public TextToImage Open(ComputeDevice device, IReadOnlyList<string> prompts, Action<string>? notice = null)
    {
        Compute.StoredLora?.RequirePresent();
        using var listening = LoadingNotices.To(notice);
        var model = Opened(device, prompts);
        if (notice is not null && LongPrompts.Notice(model.Model.Prompts, prompts) is { } text)
        {
            notice(text);
        }
        return model;
    }

    private TextToImage Opened(ComputeDevice device, IReadOnlyList<string> prompts)
    {
        try
        {
            return new TextToImage(
                Folder,
                Guidance,
                DetachNegative,
                Workers,
                device,
                Size,
                Source(prompts),
                Compute,
                SamplingGuidance
            );
        }
        catch (InvalidSettingException e)
        {
            throw new ConfigurationException(e.Message);
        }
    }

    // Null: from the text encoders of the model's folder, with the length that its pipeline has.
    private IPromptSource? Source(IReadOnlyList<string> prompts)
    {
        if (PromptEmbeds is { } folder)
        {
            return StoredEmbeddings.Open(folder, Folder, MaxSequenceLength, prompts);
        }
        return MaxSequenceLength is { } length ? TextEncoders.Of(Folder, length) : null;
    }
}
