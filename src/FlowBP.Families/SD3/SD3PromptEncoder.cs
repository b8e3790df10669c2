// The prompt side of Stable Diffusion 3: one or two CLIP towers and, where the model has it, T5.
//
// Shapes: B batch, L tokens, E width of the transformer's text, P pooled width.

using FlowBP.Formats;
using FlowBP.Models.Clip;
using FlowBP.Models.Prompts;
using FlowBP.Models.TextEncoders;

namespace FlowBP.Families.SD3;

/// <summary>Prompts to the conditioning of a joint transformer.</summary>
public sealed class SD3PromptEncoder : IPromptSource, IWritablePrompts
{
    /// <summary>Tokens that T5 sees unless asked for another number, as in diffusers' pipeline.</summary>
    public const int DefaultSequenceLength = 256;

    /// <summary>CLIP towers of the released models; T5 is numbered after them.</summary>
    internal const int BothTowers = 2;

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

    IEnumerable<IndexEntry> IWritablePrompts.Write(DiffusersFolder layout, ScalarType? dtype) =>
        SD3PromptFolder.Write(this, layout, dtype);

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
}
