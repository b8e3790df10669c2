// The prompt side of FLUX.1: CLIP-L gives the pooled text (the state at the end of the text, not projected), T5 the sequence.
//
// Shapes: B batch, L tokens, E width of T5, P width of CLIP.

using FlowBP.Formats;
using FlowBP.Models.Clip;
using FlowBP.Models.Layers;
using FlowBP.Models.Prompts;
using FlowBP.Models.TextEncoders;
using FlowBP.Models.Tokenizers;

namespace FlowBP.Families.Flux1;

/// <summary>Prompts to the conditioning of FLUX.1.</summary>
public sealed class Flux1PromptEncoder : IPromptSource
{
    /// <summary>Tokens that T5 sees unless asked for another number, as in diffusers' pipeline.</summary>
    public const int DefaultSequenceLength = 512;

    private readonly ClipTokenizer clipTokenizer;
    private readonly CLIPTextModel clip;
    private readonly T5Tower t5;

    /// <summary>Puts encoders together; they belong to this object from now on.</summary>
    /// <param name="clipTokenizer">Tokenizer of CLIP.</param>
    /// <param name="clip">CLIP's text tower.</param>
    /// <param name="t5">The T5 encoder.</param>
    /// <param name="maxSequenceLength">Tokens of T5; <see cref="DefaultSequenceLength"/> if null.</param>
    /// <exception cref="SequenceLengthException">T5 can't have that length.</exception>
    public Flux1PromptEncoder(
        ClipTokenizer clipTokenizer,
        CLIPTextModel clip,
        T5Tower t5,
        int? maxSequenceLength = null
    )
    {
        this.clipTokenizer = clipTokenizer;
        this.clip = clip;
        this.t5 = t5;
        MaxSequenceLength = SequenceLength.Resolve(maxSequenceLength, DefaultSequenceLength, T5Tower.LongestSequence);
    }

    /// <summary>Tokens of the longest encoder's sequence; longer prompts are truncated.</summary>
    public int MaxSequenceLength { get; }

    /// <summary>Reads the encoders of a model folder.</summary>
    /// <param name="layout">The folder.</param>
    /// <param name="maxSequenceLength">Tokens of T5; the default if null.</param>
    /// <param name="dtype">Type of the parameters; float32 if null.</param>
    /// <exception cref="CheckpointException">A file is missing, damaged, or does not fit the others.</exception>
    public static Flux1PromptEncoder FromFolder(
        DiffusersFolder layout,
        int? maxSequenceLength = null,
        ScalarType? dtype = null
    )
    {
        layout.Contents.RequirePart(layout.TextEncoder(), nameof(CLIPTextModel));
        layout.Contents.RequirePart(layout.TextEncoder(2), nameof(T5EncoderModel));
        var tokenizer = ClipTokenizer.FromFolder(layout.Contents.TokenizerInUse());
        using var made = new Unfinished();
        var clip = made.Add(CLIPTextModel.FromFolder(layout.TextEncoder()));
        TextTower.Check(layout.Tokenizer(), tokenizer, layout.TextEncoder(), clip.Config);
        if (dtype is { } type)
        {
            clip.to(type);
        }
        var t5 = made.Add(T5Tower.Load(layout.Contents.TokenizerInUse(2), layout.TextEncoder(2), dtype));
        var encoder = new Flux1PromptEncoder(tokenizer, clip, t5, maxSequenceLength);
        made.Finish();
        return encoder;
    }

    /// <inheritdoc/>
    public IReadOnlyDictionary<string, Tensor> Encode(IReadOnlyList<string> prompts)
    {
        using var scope = torch.NewDisposeScope();
        using var noGrad = torch.no_grad();
        var device = clip.parameters().First().device;
        var pooled_BP = clip.call(clipTokenizer.Tokenize(prompts).to(device));
        var text_BLE = t5.Encode(prompts, MaxSequenceLength);
        return new Dictionary<string, Tensor>
        {
            [PromptTensors.Text] = text_BLE.MoveToOuterDisposeScope(),
            [PromptTensors.Pooled] = pooled_BP.MoveToOuterDisposeScope(),
        };
    }

    /// <inheritdoc/>
    public IEnumerable<Truncation> Truncations(string prompt) =>
        [
            .. Truncation.Of("CLIP", clipTokenizer.CountTokens(prompt), clipTokenizer.MaxLength),
            .. Truncation.Of("T5", t5.Tokenizer.CountTokens(prompt), MaxSequenceLength),
        ];

    /// <inheritdoc/>
    public void To(Device device)
    {
        clip.to(device);
        t5.Encoder.to(device);
    }

    /// <summary>Disposes the encoders.</summary>
    public void Dispose()
    {
        clip.Dispose();
        t5.Dispose();
    }
}
