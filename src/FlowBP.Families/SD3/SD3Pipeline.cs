// A whole Stable Diffusion 3 model: everything that a diffusers folder holds, loaded and saved together. The embedded model has
// one text tower; a folder with more, or with T5, is read in full. Text encoders can be left out where prompts come as
// embeddings computed before.

using FlowBP.Formats;
using FlowBP.Models.Autoencoders;
using FlowBP.Models.Clip;
using FlowBP.Models.Layers;
using FlowBP.Models.Schedulers;
using FlowBP.Models.TextEncoders;

namespace FlowBP.Families.SD3;

/// <summary>Velocity network, autoencoder, text towers and schedule of one model.</summary>
public sealed class SD3Pipeline : DiffusersPipeline, IDisposable
{
    /// <summary>Name of the pipeline's class in the ecosystem.</summary>
    public const string ClassName = "StableDiffusion3Pipeline";

    private const int MostTowers = 2;

    /// <summary>The velocity network.</summary>
    public required SD3Transformer2DModel Transformer { get; init; }

    /// <summary>The autoencoder.</summary>
    public required AutoencoderKL Vae { get; init; }

    /// <summary>Text towers in the order in which their outputs are joined.</summary>
    public required IReadOnlyList<TextTower> TextTowers { get; init; }

    /// <summary>The T5 encoder, where the model has one.</summary>
    public T5Tower? T5 { get; init; }

    /// <summary>Settings of the noise schedule.</summary>
    public required FlowMatchEulerConfig Scheduler { get; init; }

    /// <summary>Where the networks are.</summary>
    public Device Device => Transformer.parameters().First().device;

    /// <summary>Moves all networks, in place, and returns this.</summary>
    /// <param name="device">Where to.</param>
    public SD3Pipeline To(Device device)
    {
        Transformer.to(device);
        Vae.to(device);
        foreach (var tower in TextTowers)
        {
            tower.Encoder.to(device);
        }
        T5?.Encoder.to(device);
        return this;
    }

    /// <summary>Reads a model folder.</summary>
    /// <param name="folder">A folder in diffusers' layout.</param>
    /// <param name="withTextEncoders">
    /// Whether to read the text encoders. Without them the model encodes no prompts.
    /// </param>
    /// <param name="transformer">A file of the transformer's weights instead of the folder's; null: the folder's.</param>
    /// <exception cref="CheckpointException">A file is missing, damaged, or does not fit the others.</exception>
    public static SD3Pipeline Load(string folder, bool withTextEncoders = true, string? transformer = null)
    {
        var layout = new DiffusersFolder(folder);
        layout.RequirePipeline(
            ClassName,
            nameof(SD3Transformer2DModel),
            nameof(AutoencoderKL),
            FlowMatchEulerConfig.ClassName,
            textEncoders: MostTowers + 1
        );
        // A wrong schedule, or a part that is missing, should not cost the time of reading gigabytes.
        var scheduler = FlowMatchEulerConfig.Read(layout.SchedulerConfig);
        if (withTextEncoders)
        {
            SD3PromptEncoder.RequireParts(layout);
        }
        using var made = new Unfinished();
        var model = new SD3Pipeline
        {
            Transformer = made.Add(SD3Transformer2DModel.FromFolder(layout.Transformer, transformer)),
            Vae = made.Add(AutoencoderKL.FromFolder(layout.Vae)),
            TextTowers = withTextEncoders ? SD3PromptEncoder.LoadTowers(layout, made) : [],
            T5 = withTextEncoders ? SD3PromptEncoder.LoadT5(layout, made) : null,
            Source = new UntrainedParts(folder),
            Scheduler = scheduler,
        };
        made.Finish();
        return model;
    }

    private protected override nn.Module Network => Transformer;

    private protected override string NetworkConfig => Transformer.Config.ToJson();

    private protected override void WriteOtherParts(DiffusersFolder layout, ScalarType? dtype)
    {
        var parts = new List<(string, string?, string?)>
        {
            ("scheduler", "diffusers", FlowMatchEulerConfig.ClassName),
            ("transformer", "diffusers", "SD3Transformer2DModel"),
            ("vae", "diffusers", "AutoencoderKL"),
        };
        SaveText(layout, dtype, parts);
        DiffusersFolder.WriteNetwork(layout.Vae, Vae.Config.ToJson(), Vae, dtype);
        AtomicFile.WriteText(layout.SchedulerConfig, Scheduler.ToJson());
        layout.WriteIndex(ClassName, parts);
    }

    /// <summary>Conditioning of prompts, without autograd.</summary>
    /// <param name="prompts">Any number of prompts; an empty one is the negative prompt of guidance.</param>
    /// <exception cref="InvalidOperationException">The model was loaded without text encoders.</exception>
    public SD3Conditioning Encode(IReadOnlyCollection<string> prompts) =>
        TextTowers.Count > 0
            ? PromptEncoder().EncodePrompts(prompts)
            : throw new InvalidOperationException("the model was loaded without text encoders");

    /// <summary>The prompt side of the model; it holds the same encoders.</summary>
    /// <param name="maxSequenceLength">Tokens of T5; the default if null.</param>
    public SD3PromptEncoder PromptEncoder(int? maxSequenceLength = null) =>
        new(TextTowers, T5, Transformer.Config.JointAttentionDim, maxSequenceLength);

    /// <summary>Disposes all networks.</summary>
    public void Dispose()
    {
        Transformer.Dispose();
        Vae.Dispose();
        foreach (var tower in TextTowers)
        {
            tower.Encoder.Dispose();
        }
        T5?.Dispose();
    }

    private void SaveText(DiffusersFolder layout, ScalarType? dtype, List<(string, string?, string?)> parts)
    {
        for (var i = 1; i <= MostTowers; i++)
        {
            var present = i <= TextTowers.Count;
            AddTextParts(layout, i, present, parts);
            if (present)
            {
                var tower = TextTowers[i - 1];
                CopyFiles(tower.TokenizerFolder, layout.Tokenizer(i));
                DiffusersFolder.WriteTextEncoder(
                    layout.TextEncoder(i),
                    tower.Encoder.Config.ToJson(),
                    tower.Encoder,
                    dtype
                );
            }
        }
        AddTextParts(layout, MostTowers + 1, T5 is not null, parts);
        if (T5 is not null)
        {
            CopyFiles(T5.TokenizerFolder, layout.Tokenizer(MostTowers + 1));
            CopyFiles(T5.EncoderFolder, layout.TextEncoder(MostTowers + 1));
        }
    }

    // Entries of the table of contents: the third encoder is T5.
    private static void AddTextParts(
        DiffusersFolder layout,
        int number,
        bool present,
        List<(string, string?, string?)> parts
    )
    {
        var isClip = number <= MostTowers;
        var library = present ? "transformers" : null;
        var encoder = isClip ? nameof(CLIPTextModelWithProjection) : nameof(T5EncoderModel);
        var tokenizer = isClip ? "CLIPTokenizer" : "T5TokenizerFast";
        parts.Add((Path.GetFileName(layout.TextEncoder(number)), library, present ? encoder : null));
        parts.Add((Path.GetFileName(layout.Tokenizer(number)), library, present ? tokenizer : null));
    }

    private static void CopyFiles(string from, string to)
    {
        if (Path.GetFullPath(from) == Path.GetFullPath(to))
        {
            return;
        }
        foreach (var file in Directory.EnumerateFiles(from))
        {
            AtomicFile.Write(
                Path.Combine(to, Path.GetFileName(file)),
                stream =>
                {
                    using var source = File.OpenRead(file);
                    source.CopyTo(stream);
                }
            );
        }
    }
}
