// A CLIP text tower with the tokenizer that belongs to it.

using FlowBP.Formats;
using FlowBP.Models.Layers;
using FlowBP.Models.Tokenizers;

namespace FlowBP.Models.Clip;

/// <summary>A text tower with the tokenizer that belongs to it.</summary>
/// <param name="Tokenizer">Prompts to ids.</param>
/// <param name="TokenizerFolder">Where the tokenizer was read from; copied when the model is saved.</param>
/// <param name="Encoder">Ids to hidden states.</param>
public sealed record TextTower(ClipTokenizer Tokenizer, string TokenizerFolder, CLIPTextModelWithProjection Encoder)
{
    /// <summary>Reads tokenizer and tower.</summary>
    /// <param name="tokenizerFolder">Folder of the tokenizer.</param>
    /// <param name="encoderFolder">Folder of the tower.</param>
    /// <exception cref="CheckpointException">A file is missing, damaged, or does not fit the others.</exception>
    public static TextTower Load(string tokenizerFolder, string encoderFolder)
    {
        var tokenizer = ClipTokenizer.FromFolder(tokenizerFolder);
        var encoder = Unfinished.Filled(
            CLIPTextModelWithProjection.FromFolder(encoderFolder),
            read => Check(tokenizerFolder, tokenizer, encoderFolder, read.Config)
        );
        return new TextTower(tokenizer, tokenizerFolder, encoder);
    }

    /// <summary>Refuses a tokenizer of another tower.</summary>
    internal static void Check(
        string tokenizerFolder,
        ClipTokenizer tokenizer,
        string encoderFolder,
        ClipTextConfig config
    )
    {
        VocabularyCheck.Require(tokenizerFolder, tokenizer.VocabularySize, encoderFolder, config.VocabSize);
        if (tokenizer.MaxLength > config.MaxPositionEmbeddings)
        {
            throw CheckpointException.ForFile(
                tokenizerFolder,
                $"found prompts of {tokenizer.MaxLength} tokens, but the encoder in {encoderFolder} has "
                    + $"{config.MaxPositionEmbeddings} positions"
            );
        }
    }
}
