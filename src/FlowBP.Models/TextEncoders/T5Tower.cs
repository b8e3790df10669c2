// A T5 encoder with the tokenizer that belongs to it.

using FlowBP.Formats;
using FlowBP.Models.Tokenizers;

namespace FlowBP.Models.TextEncoders;

/// <summary>A T5 encoder with the tokenizer that belongs to it.</summary>
/// <param name="Tokenizer">Prompts to ids.</param>
/// <param name="TokenizerFolder">Where the tokenizer was read from; copied when the model is saved.</param>
/// <param name="Encoder">Ids to hidden states.</param>
/// <param name="EncoderFolder">Where the encoder was read from; copied when the model is saved: it is never trained.</param>
public sealed record T5Tower(
    T5Tokenizer Tokenizer,
    string TokenizerFolder,
    T5EncoderModel Encoder,
    string EncoderFolder
) : IDisposable
{
    /// <summary>The longest prompt in tokens that the encoder was trained on.</summary>
    public const int LongestSequence = 512;

    /// <summary>Reads tokenizer and encoder.</summary>
    /// <param name="tokenizerFolder">Folder of the tokenizer.</param>
    /// <param name="encoderFolder">Folder of the encoder.</param>
    /// <param name="dtype">Type of the encoder's parameters; float32 if null.</param>
    /// <exception cref="CheckpointException">A file is missing, damaged, or does not fit the others.</exception>
    public static T5Tower Load(string tokenizerFolder, string encoderFolder, ScalarType? dtype = null)
    {
        var tokenizer = T5Tokenizer.FromFolder(tokenizerFolder);
        // The configuration first: a wrong tokenizer should not cost the time of reading gigabytes.
        var config = T5Config.Read(Path.Combine(encoderFolder, "config.json"));
        VocabularyCheck.Require(tokenizerFolder, tokenizer.VocabularySize, encoderFolder, config.VocabSize);
        return new T5Tower(tokenizer, tokenizerFolder, T5EncoderModel.FromFolder(encoderFolder, dtype), encoderFolder);
    }

    /// <summary>Hidden states of prompts, padding included.</summary>
    /// <param name="prompts">The prompts.</param>
    /// <param name="length">Tokens per prompt.</param>
    /// <returns>[prompts, length, width].</returns>
    public Tensor Encode(IReadOnlyCollection<string> prompts, int length)
    {
        using var scope = torch.NewDisposeScope();
        var device = Encoder.parameters().First().device;
        return Encoder.call(Tokenizer.Tokenize(prompts, length).to(device)).MoveToOuterDisposeScope();
    }

    /// <summary>Disposes the encoder.</summary>
    public void Dispose() => Encoder.Dispose();
}
