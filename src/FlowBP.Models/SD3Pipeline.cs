// A whole Stable Diffusion 3 model, as far as CLIP conditioning goes: everything that a diffusers folder holds, loaded and
// saved together. The embedded model has one text tower; a folder with more is read in full.

using FlowBP.Models.Autoencoders;
using FlowBP.Models.Clip;
using FlowBP.Models.Formats;
using FlowBP.Models.Prompts;
using FlowBP.Models.Schedulers;
using FlowBP.Models.Tokenizers;
using FlowBP.Models.Transformers;

namespace FlowBP.Models;

/// <summary>A text tower with the tokenizer that belongs to it.</summary>
/// <param name="Tokenizer">Prompts to ids.</param>
/// <param name="TokenizerFolder">Where the tokenizer was read from; copied when the model is saved.</param>
/// <param name="Encoder">Ids to hidden states.</param>
public sealed record TextTower(ClipTokenizer Tokenizer, string TokenizerFolder, CLIPTextModelWithProjection Encoder);

/// <summary>Velocity network, autoencoder, text towers and schedule of one model.</summary>
public sealed class SD3Pipeline : IDisposable
{
    private const string ClassName = "StableDiffusion3Pipeline";

    private const int MostTowers = 2;

    private static readonly string[] s_textParts =
    [
        "text_encoder",
        "text_encoder_2",
        "text_encoder_3",
        "tokenizer",
        "tokenizer_2",
        "tokenizer_3",
    ];

    /// <summary>The velocity network.</summary>
    public required SD3Transformer2DModel Transformer { get; init; }

    /// <summary>The autoencoder.</summary>
    public required AutoencoderKL Vae { get; init; }

    /// <summary>Text towers in the order in which their outputs are joined.</summary>
    public required IReadOnlyList<TextTower> TextTowers { get; init; }

    /// <summary>Settings of the noise schedule.</summary>
    public required FlowMatchEulerConfig Scheduler { get; init; }

    /// <summary>The folder with text towers that were not loaded, copied when the model is saved; null: all were.</summary>
    public string? UnloadedTowers { get; init; }

    /// <summary>Where the networks are.</summary>
    public Device Device => Transformer.parameters().First().device;

    /// <summary>Moves all networks, in place, and returns this.</summary>
    /// <param name="device">Where to.</param>
    public SD3Pipeline To(Device device)
    {
        Transformer.to(device);
        Vae.to(device);
        foreach (TextTower tower in TextTowers)
        {
            tower.Encoder.to(device);
        }
        return this;
    }

    /// <summary>Reads a model folder.</summary>
    /// <param name="folder">The folder.</param>
    /// <param name="withTextEncoders">Whether the text encoders are loaded; false where prompts come as embeddings.</param>
    /// <exception cref="CheckpointException">A file is missing, damaged, or does not fit the others.</exception>
    public static SD3Pipeline Load(string folder, bool withTextEncoders = true)
    {
        var layout = new DiffusersFolder(folder);
        string pipelineClass = layout.PipelineClass();
        if (pipelineClass != ClassName)
        {
            throw CheckpointException.ForFile(
                Path.Combine(folder, "model_index.json"),
                $"found pipeline class {pipelineClass}, expected {ClassName}"
            );
        }
        TextTower[] towers =
        [
            .. Enumerable
                .Range(1, MostTowers)
                .Where(i => withTextEncoders && (i == 1 || Directory.Exists(layout.TextEncoder(i))))
                .Select(i => new TextTower(
                    ClipTokenizer.FromFolder(layout.Tokenizer(i)),
                    layout.Tokenizer(i),
                    CLIPTextModelWithProjection.FromFolder(layout.TextEncoder(i))
                )),
        ];
        return new SD3Pipeline
        {
            Transformer = SD3Transformer2DModel.FromFolder(layout.Transformer),
            Vae = AutoencoderKL.FromFolder(layout.Vae),
            TextTowers = towers,
            Scheduler = FlowMatchEulerConfig.Read(layout.SchedulerConfig),
            UnloadedTowers = withTextEncoders ? null : folder,
        };
    }

    /// <summary>Writes the whole model in diffusers' layout, <c>model_index.json</c> last.</summary>
    /// <param name="folder">The folder to write.</param>
    /// <param name="dtype">Storage type of weights; each tensor's own if null.</param>
    /// <exception cref="CheckpointException">A file cannot be written.</exception>
    public void Save(string folder, ScalarType? dtype = null)
    {
        var layout = new DiffusersFolder(folder);
        var parts = new List<(string, string?, string?)>
        {
            ("scheduler", "diffusers", "FlowMatchEulerDiscreteScheduler"),
            ("transformer", "diffusers", "SD3Transformer2DModel"),
            ("vae", "diffusers", "AutoencoderKL"),
            ("text_encoder_3", null, null),
            ("tokenizer_3", null, null),
        };
        for (int i = 1; i <= MostTowers; i++)
        {
            bool present = i <= TextTowers.Count;
            string? library = present ? "transformers" : null;
            parts.Add(
                (Path.GetFileName(layout.TextEncoder(i)), library, present ? nameof(CLIPTextModelWithProjection) : null)
            );
            parts.Add((Path.GetFileName(layout.Tokenizer(i)), library, present ? "CLIPTokenizer" : null));
            if (present)
            {
                TextTower tower = TextTowers[i - 1];
                CopyFiles(tower.TokenizerFolder, layout.Tokenizer(i));
                DiffusersFolder.WriteTextEncoder(
                    layout.TextEncoder(i),
                    tower.Encoder.Config.ToJson(),
                    tower.Encoder,
                    dtype
                );
            }
        }
        DiffusersFolder.WriteNetwork(layout.Transformer, Transformer.Config.ToJson(), Transformer, dtype);
        DiffusersFolder.WriteNetwork(layout.Vae, Vae.Config.ToJson(), Vae, dtype);
        AtomicFile.WriteText(layout.SchedulerConfig, Scheduler.ToJson());
        if (UnloadedTowers is { } source)
        {
            new UntouchedParts(source, UntouchedParts.ReadIndex(source, ClassName)).WriteTo(folder, s_textParts);
            return;
        }
        layout.WriteIndex(ClassName, parts);
    }

    /// <summary>Conditioning of prompts, without autograd.</summary>
    /// <param name="prompts">Any number of prompts; an empty one is the negative prompt of guidance.</param>
    public SD3Conditioning Encode(IReadOnlyCollection<string> prompts)
    {
        using var scope = torch.NewDisposeScope();
        using var noGrad = torch.no_grad();
        Device device = Device;
        SD3Conditioning encoded = SD3PromptAssembly.Encode(
            [.. TextTowers.Select(tower => (tower.Encoder, tower.Tokenizer.Tokenize(prompts).to(device)))],
            Transformer.Config.JointAttentionDim
        );
        encoded.Text_BLE.MoveToOuterDisposeScope();
        encoded.Pooled_BP.MoveToOuterDisposeScope();
        return encoded;
    }

    /// <summary>Disposes all networks.</summary>
    public void Dispose()
    {
        Transformer.Dispose();
        Vae.Dispose();
        foreach (TextTower tower in TextTowers)
        {
            tower.Encoder.Dispose();
        }
    }

    private static void CopyFiles(string from, string to)
    {
        if (Path.GetFullPath(from) == Path.GetFullPath(to))
        {
            return;
        }
        foreach (string file in Directory.EnumerateFiles(from))
        {
            AtomicFile.Write(
                Path.Combine(to, Path.GetFileName(file)),
                stream =>
                {
                    using FileStream source = File.OpenRead(file);
                    source.CopyTo(stream);
                }
            );
        }
    }
}
