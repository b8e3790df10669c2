// The prompt side of FLUX.2-Klein: a Qwen3 language model reads the prompt as a chat, and the hidden states of three of its
// layers, side by side, are the text. Padding is masked in the attention and kept in the sequence.
//
// Shapes: B batch, L tokens, E three times the width of Qwen3.

using FlowBP.Formats;
using FlowBP.Models.Layers;
using FlowBP.Models.Prompts;
using FlowBP.Models.TextEncoders;
using FlowBP.Models.Tokenizers;

namespace FlowBP.Families.Flux2;

/// <summary>Prompts to the conditioning of FLUX.2-Klein.</summary>
public sealed class Flux2PromptEncoder : IPromptSource
{
    /// <summary>Tokens of a prompt with its chat unless asked for another number, as in diffusers' pipeline.</summary>
    public const int DefaultSequenceLength = 512;

    /// <summary>The layers whose outputs make the text.</summary>
    public static IReadOnlyList<int> DefaultLayers { get; } = [9, 18, 27];

    private readonly QwenTokenizer tokenizer;
    private readonly Qwen3TextEncoder encoder;
    private readonly IReadOnlyList<int> layers;

    /// <summary>Puts tokenizer and encoder together; the encoder belongs to this object from now on.</summary>
    /// <param name="tokenizer">Prompts to ids.</param>
    /// <param name="encoder">Ids to hidden states.</param>
    /// <param name="layers">Which hidden states; <see cref="DefaultLayers"/> if null.</param>
    /// <param name="maxSequenceLength">Tokens; <see cref="DefaultSequenceLength"/> if null.</param>
    /// <exception cref="SequenceLengthException">The encoder can't have that length.</exception>
    public Flux2PromptEncoder(
        QwenTokenizer tokenizer,
        Qwen3TextEncoder encoder,
        IReadOnlyList<int>? layers = null,
        int? maxSequenceLength = null
    )
    {
        this.tokenizer = tokenizer;
        this.encoder = encoder;
        this.layers = layers ?? DefaultLayers;
        MaxSequenceLength = SequenceLength.Resolve(maxSequenceLength, DefaultSequenceLength, DefaultSequenceLength);
    }

    /// <summary>Tokens of the longest encoder's sequence; longer prompts are truncated.</summary>
    public int MaxSequenceLength { get; }

    /// <summary>Reads the encoder of a model folder, as far as its hidden states are wanted.</summary>
    /// <param name="layout">The folder.</param>
    /// <param name="maxSequenceLength">Tokens; the default if null.</param>
    /// <param name="dtype">Type of the parameters; float32 if null.</param>
    /// <exception cref="CheckpointException">A file is missing, damaged, or does not fit the others.</exception>
    public static Flux2PromptEncoder FromFolder(
        DiffusersFolder layout,
        int? maxSequenceLength = null,
        ScalarType? dtype = null
    )
    {
        layout.Contents.RequirePart(layout.TextEncoder(), nameof(Qwen3ForCausalLM), "Qwen3Model");
        var tokenizer = QwenTokenizer.FromFolder(layout.Contents.TokenizerInUse());
        var config = Qwen3Config.Read(Path.Combine(layout.TextEncoder(), "config.json"));
        VocabularyCheck.Require(layout.Tokenizer(), tokenizer.VocabularySize, layout.TextEncoder(), config.VocabSize);
        using var made = new Unfinished();
        var qwen = made.Add(Qwen3TextEncoder.FromFolder(layout.TextEncoder(), DefaultLayers.Max(), dtype));
        var encoder = new Flux2PromptEncoder(tokenizer, qwen, maxSequenceLength: maxSequenceLength);
        made.Finish();
        return encoder;
    }

    /// <inheritdoc/>
    public IReadOnlyDictionary<string, Tensor> Encode(IReadOnlyList<string> prompts)
    {
        using var scope = torch.NewDisposeScope();
        using var noGrad = torch.no_grad();
        var device = encoder.parameters().First().device;
        var (ids_BL, mask_BL) = tokenizer.TokenizeChats(prompts, MaxSequenceLength);
        var text_BLE = encoder.EncodeLayers(ids_BL.to(device), mask_BL.to(device), layers);
        return new Dictionary<string, Tensor> { [PromptTensors.Text] = text_BLE.MoveToOuterDisposeScope() };
    }

    /// <inheritdoc/>
    public IEnumerable<Truncation> Truncations(string prompt) =>
        Truncation.Of("Qwen3", tokenizer.CountTokens(prompt), MaxSequenceLength);

    /// <inheritdoc/>
    public void To(Device device) => encoder.to(device);

    /// <summary>Disposes the encoder.</summary>
    public void Dispose() => encoder.Dispose();
}
