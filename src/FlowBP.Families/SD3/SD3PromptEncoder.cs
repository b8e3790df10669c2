// The prompt side of Stable Diffusion 3: one or two CLIP towers and, where the model has it, T5.
//
// Shapes: B batch, L tokens, E width of the transformer's text, P pooled width.

using FlowBP.Formats;
using FlowBP.Models.Clip;
using FlowBP.Models.Layers;
using FlowBP.Models.Prompts;
using FlowBP.Models.TextEncoders;

namespace FlowBP.Families.SD3;

/// <summary>Prompts to the conditioning of a joint transformer.</summary>
public sealed class SD3PromptEncoder : IPromptSource, IWritablePrompts
{
    /// <summary>Tokens that T5 sees unless asked for another number, as in diffusers' pipeline.</summary>
    public const int DefaultSequenceLength = 256;

    private const int BothTowers = 2;

    private readonly int textWidth;

    /// <summary>Puts encoders together.</summary>
    /// <param name="towers">CLIP towers in the order in which their outputs are joined.</param>
    /// <param name="t5">The T5 encoder; null if the model has none.</param>
    /// <param name="textWidth">The transformer's <c>joint_attention_dim</c>.</param>
    /// <param name="maxSequenceLength">Tokens of T5; <see cref="DefaultSequenceLength"/> if null.</param>
    /// <exception cref="SequenceLengthException">The encoders can't have that length.</exception>
    public SD3PromptEncoder(IReadOnlyList<TextTower> towers, T5Tower? t5, int textWidth, int? maxSequenceLength = null)
    {
        Towers = towers;
        T5 = t5;
        this.textWidth = textWidth;
        MaxSequenceLength = t5 is null
            ? SequenceLength.ResolveFixed(maxSequenceLength, towers[0].Tokenizer.MaxLength)
            : SequenceLength.Resolve(maxSequenceLength, DefaultSequenceLength, T5Tower.LongestSequence);
    }

    /// <summary>CLIP towers.</summary>
    public IReadOnlyList<TextTower> Towers { get; }

    /// <summary>The T5 encoder.</summary>
    public T5Tower? T5 { get; }

    /// <summary>Tokens of the longest encoder's sequence; longer prompts are truncated.</summary>
    public int MaxSequenceLength { get; }

    /// <summary>Reads the encoders of a model folder.</summary>
    /// <param name="layout">The folder.</param>
    /// <param name="maxSequenceLength">Tokens of T5; the default if null.</param>
    /// <param name="dtype">Type of the parameters; float32 if null.</param>
    /// <exception cref="CheckpointException">A file is missing, damaged, or does not fit the others.</exception>
    public static SD3PromptEncoder FromFolder(
        DiffusersFolder layout,
        int? maxSequenceLength = null,
        ScalarType? dtype = null
    )
    {
        RequireParts(layout);
        using var made = new Unfinished();
        var towers = LoadTowers(layout, made);
        if (dtype is { } type)
        {
            foreach (var tower in towers)
            {
                tower.Encoder.to(type);
            }
        }
        var textWidth = ConfigReader.Open(Path.Combine(layout.Transformer, "config.json")).Int("joint_attention_dim");
        var encoder = new SD3PromptEncoder(towers, LoadT5(layout, made, dtype), textWidth, maxSequenceLength);
        made.Finish();
        return encoder;
    }

    /// <inheritdoc/>
    public IReadOnlyDictionary<string, Tensor> Encode(IReadOnlyList<string> prompts)
    {
        var conditioning = EncodePrompts(prompts);
        return new Dictionary<string, Tensor>
        {
            [PromptTensors.Text] = conditioning.Text_BLE,
            [PromptTensors.Pooled] = conditioning.Pooled_BP,
        };
    }

    /// <summary>The same as a conditioning.</summary>
    /// <param name="prompts">Any number of prompts.</param>
    public SD3Conditioning EncodePrompts(IReadOnlyCollection<string> prompts)
    {
        using var scope = torch.NewDisposeScope();
        using var noGrad = torch.no_grad();
        var device = Towers[0].Encoder.parameters().First().device;
        var encoded = SD3PromptAssembly.Encode(
            [.. Towers.Select(tower => (tower.Encoder, tower.Tokenizer.Tokenize(prompts).to(device)))],
            textWidth,
            T5 is null ? WithoutT5(prompts.Count, device) : T5.Encode(prompts, MaxSequenceLength)
        );
        encoded.Text_BLE.MoveToOuterDisposeScope();
        encoded.Pooled_BP.MoveToOuterDisposeScope();
        return encoded;
    }

    /// <inheritdoc/>
    public IEnumerable<Truncation> Truncations(string prompt) =>
        [
            .. Towers.SelectMany(
                (tower, i) =>
                    Truncation.Of(
                        i == 0 ? "CLIP" : "the second CLIP",
                        tower.Tokenizer.CountTokens(prompt),
                        tower.Tokenizer.MaxLength
                    )
            ),
            .. T5 is null ? [] : Truncation.Of("T5", T5.Tokenizer.CountTokens(prompt), MaxSequenceLength),
        ];

    /// <inheritdoc/>
    public void To(Device device)
    {
        foreach (var tower in Towers)
        {
            tower.Encoder.to(device);
        }
        T5?.Encoder.to(device);
    }

    /// <summary>Disposes the encoders.</summary>
    public void Dispose()
    {
        foreach (var tower in Towers)
        {
            tower.Encoder.Dispose();
        }
        T5?.Dispose();
    }

    // The third encoder is T5; CLIP's towers were perhaps trained here, T5 never is.
    IEnumerable<IndexEntry> IWritablePrompts.Write(DiffusersFolder layout, ScalarType? dtype)
    {
        for (var i = 0; i < Towers.Count; i++)
        {
            CopyFiles(Towers[i].TokenizerFolder, layout.Tokenizer(i + 1));
            ModuleFolder.WriteTextEncoder(
                layout.TextEncoder(i + 1),
                Towers[i].Encoder.Config.ToJson(),
                Towers[i].Encoder,
                dtype
            );
        }
        if (T5 is not null)
        {
            CopyFiles(T5.TokenizerFolder, layout.Tokenizer(BothTowers + 1));
            CopyFiles(T5.EncoderFolder, layout.TextEncoder(BothTowers + 1));
        }
        return
        [
            .. Enumerable
                .Range(1, BothTowers)
                .SelectMany(i => Entries(i, i <= Towers.Count, nameof(CLIPTextModelWithProjection), "CLIPTokenizer")),
            .. Entries(BothTowers + 1, T5 is not null, nameof(T5EncoderModel), "T5TokenizerFast"),
        ];

        IndexEntry[] Entries(int number, bool present, string encoder, string tokenizer)
        {
            var library = present ? "transformers" : null;
            return
            [
                new(Path.GetFileName(layout.TextEncoder(number)), library, present ? encoder : null),
                new(Path.GetFileName(layout.Tokenizer(number)), library, present ? tokenizer : null),
            ];
        }
    }

    /// <summary>Refuses a folder that lists an encoder which is not there, before anything large is read.</summary>
    internal static void RequireParts(DiffusersFolder layout)
    {
        layout.Contents.RequirePart(layout.TextEncoder(), nameof(CLIPTextModelWithProjection));
        for (var i = 2; i <= BothTowers + 1; i++)
        {
            if (layout.Contents.HasPart(layout.TextEncoder(i)))
            {
                layout.Contents.RequireClass(
                    layout.TextEncoder(i),
                    i > BothTowers ? nameof(T5EncoderModel) : nameof(CLIPTextModelWithProjection)
                );
            }
        }
    }

    // What is read is the caller's at once, who disposes it where something that follows fails.
    private static IReadOnlyList<TextTower> LoadTowers(DiffusersFolder layout, Unfinished made) =>
        [
            .. Enumerable
                .Range(1, BothTowers)
                .Where(i => i == 1 || layout.Contents.HasPart(layout.TextEncoder(i)))
                .Select(i =>
                {
                    var tower = TextTower.Load(layout.Contents.TokenizerInUse(i), layout.TextEncoder(i));
                    made.Add(tower.Encoder);
                    return tower;
                }),
        ];

    private static T5Tower? LoadT5(DiffusersFolder layout, Unfinished made, ScalarType? dtype = null) =>
        layout.Contents.HasPart(layout.TextEncoder(3))
            ? made.Add(T5Tower.Load(layout.Contents.TokenizerInUse(3), layout.TextEncoder(3), dtype))
            : null;

    // The released models were trained with T5, and take zeros of CLIP's length in its place where it is left out. A model
    // with a single tower never had it.
    private Tensor? WithoutT5(int prompts, Device device) =>
        Towers.Count < BothTowers
            ? null
            : torch.zeros(
                [prompts, Towers[0].Tokenizer.MaxLength, textWidth],
                Towers[0].Encoder.parameters().First().dtype,
                device
            );

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
