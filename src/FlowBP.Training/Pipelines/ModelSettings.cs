// Every command that paints takes the same settings for it: which model, which adapter on it, where its prompts' embeddings come
// from, how large the pictures are, and in which types it computes.

using FlowBP.Families;
using FlowBP.Settings;
using FlowBP.Surrogates;
using FlowBP.Training.Devices;

namespace FlowBP.Training.Pipelines;

/// <summary>A model and how it paints.</summary>
public sealed record ModelSettings
{
    // Eight pixels per latent element, two elements per patch: every released model paints in such units.
    private const int PixelUnit = 16;

    /// <summary>
    /// A folder in diffusers' layout, a single-file checkpoint beside one, or <see cref="ModelFamilies.Embedded"/>.
    /// </summary>
    [Setting("model folder in diffusers' layout", Aliases = ["pretrained_model_name_or_path"])]
    public string Model { get; init; } = ModelFamilies.Embedded;

    /// <summary>A file of the transformer's weights instead of the folder's; null: the folder's.</summary>
    [Setting(
        "file of the transformer's weights instead of the model folder's, under diffusers' or the original names"
            + " (single-file checkpoints); or none"
    )]
    public string? Transformer { get; init; }

    /// <summary>File or folder of an adapter that was trained before; null: none.</summary>
    [Setting(
        "trained low-rank additions to begin with: a file in diffusers', PEFT's, sd-scripts' or ComfyUI's form, or its"
            + " folder; or none"
    )]
    public string? LoraWeights { get; init; }

    /// <summary>What that adapter's strength is multiplied with.</summary>
    [Setting(
        "what the strength of lora_weights is multiplied with; 0: as without",
        -SettingAttribute.LargestFactor,
        SettingAttribute.LargestFactor
    )]
    public double LoraScale { get; init; } = 1;

    /// <summary>
    /// How much of what alignment changed is kept: weights are <c>base + strength·(aligned − base)</c>; of an adapter, its scale is
    /// multiplied with it. 0: the base, 1: as trained; above 1 goes further.
    /// </summary>
    [Setting(
        "how much of the alignment is kept, between strength_base (0) and the model (1); with lora_weights, the same as"
            + " lora_scale",
        -SettingAttribute.LargestFactor,
        SettingAttribute.LargestFactor
    )]
    public double Strength { get; init; } = 1;

    /// <summary>The model that was aligned, as <see cref="Model"/>; null: nothing lies between.</summary>
    [Setting("folder of the model that was aligned, which strength goes out from; embedded, a path, or none")]
    public string? StrengthBase { get; init; }

    /// <summary>Folder of the prompts' embeddings; null: the model's own text encoders are loaded.</summary>
    [Setting("folder of the prompts' embeddings (flowbp embed), so that no text encoder is loaded; or none")]
    public string? PromptEmbeds { get; init; }

    /// <summary>Tokens of a prompt; null: as the model's pipeline has it.</summary>
    [Setting("tokens of a prompt; none: as the model's pipeline has it", 1)]
    public int? MaxSequenceLength { get; init; }

    /// <summary>Key or column of a prompt in files of prompts.</summary>
    [Setting(
        "key or column of the prompt in files of prompts in JSON, JSON lines, CSV or TSV; auto: prompt, caption or text"
    )]
    public string CaptionKey { get; init; } = PromptFile.UsualKeys;

    /// <summary>Height of the pictures, pixels.</summary>
    [Setting("height of the pictures in pixels; none: the model's own", 16, Aliases = ["h"])]
    public int? Height { get; init; }

    /// <summary>Width of the pictures, pixels.</summary>
    [Setting("width of the pictures in pixels; none: the model's own", 16, Aliases = ["w"])]
    public int? Width { get; init; }

    /// <summary>
    /// Guidance scale: of classifier-free guidance (1 is none), or an input of a network that was distilled from it.
    /// </summary>
    [Setting(
        "scale of classifier-free guidance; 1 is none",
        0,
        SettingAttribute.LargestFactor,
        Aliases = ["guidance_scale"]
    )]
    public double CfgGuidance { get; init; } = 3;

    /// <summary>N where nothing is trained.</summary>
    [Setting("Euler steps at evaluation", 1, Aliases = ["num_steps"])]
    public int SamplingSteps { get; init; } = 16;

    /// <summary>Seed of all draws that have none of their own.</summary>
    [Setting("seed of noise, indices and prompt order", 0)]
    public long Seed { get; init; } = 42;

    /// <summary>What the transformer computes in: Float32 or BFloat16.</summary>
    [Dtype("type that the trained network computes in; its weights are kept and updated in float32")]
    public ScalarType ComputeDtype { get; init; } = ScalarType.Float32;

    /// <summary>What the autoencoder computes in; a reward is loaded in it too.</summary>
    [Dtype("type that autoencoder and rewards compute in")]
    public ScalarType RewardDtype { get; init; } = ScalarType.Float32;

    /// <summary>Name of the device.</summary>
    [Device]
    public string Device { get; init; } = DeviceName.Automatic;

    /// <summary>Threads that share a batch; 1: none, operators have libtorch's threads. A GPU has none.</summary>
    [Setting("threads that each take a part of the batch, on a CPU; 1: threads inside the operators instead", 1)]
    public int CpuWorkers { get; init; } = ComputeDevice.UsualCpuWorkers;

    /// <summary>Folder of the model.</summary>
    /// <exception cref="Formats.CheckpointException">It is a file that no folder goes with.</exception>
    public string Folder => FolderOf(Model);

    /// <summary>Folder of the model that <see cref="Strength"/> goes out from; null: none.</summary>
    /// <exception cref="Formats.CheckpointException">It is a file that no folder goes with.</exception>
    internal string? StrengthBaseFolder => StrengthBase is { } given ? FolderOf(given) : null;

    /// <summary>Size of the pictures; null: the one the model was made for.</summary>
    public ImageSize? Size => Height is { } height && Width is { } width ? new(height, width) : null;

    /// <summary>Refuses settings that don't go together, before anything is loaded.</summary>
    /// <exception cref="ConfigurationException">
    /// One side is given without the other, no model paints in such units, or there is nothing to scale.
    /// </exception>
    internal void Check()
    {
        if (Height is null != Width is null)
        {
            throw new ConfigurationException("height and width are given together or not at all");
        }
        if (Height % PixelUnit > 0 || Width % PixelUnit > 0)
        {
            throw new ConfigurationException(
                $"height and width must be multiples of {PixelUnit}, found {Height} and {Width}"
            );
        }
        if (LoraWeights is null && LoraScale != 1)
        {
            throw new ConfigurationException("lora_scale has no meaning without lora_weights");
        }
        if (LoraWeights is null && StrengthBase is null && Strength != 1)
        {
            throw new ConfigurationException(
                "strength needs strength_base, the model that was aligned, or lora_weights, an adapter of it"
            );
        }
        if (LoraWeights is not null && StrengthBase is not null)
        {
            throw new ConfigurationException(
                "strength_base has no meaning with lora_weights: an adapter's base is the model itself"
            );
        }
    }

    private static string FolderOf(string given) =>
        ModelFiles.Of(EmbeddedAssets.Resolve(given, () => EmbeddedAssets.Model), null).Folder;

    private sealed class DeviceAttribute() : SettingAttribute("where to compute; auto: on a GPU where one can be used")
    {
        protected override SettingKind KindOf(Type type, bool isNullable) =>
            SettingKind.Text with
            {
                Accepts = "auto | cpu | cuda | cuda:N",
                Parse = (text, out value) =>
                {
                    value = text;
                    return DeviceName.IsValid(text);
                },
            };
    }
}
