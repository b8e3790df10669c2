// How Stable Diffusion 3 makes its conditioning out of CLIP text towers: the penultimate hidden states of all towers side
// by side, zero-padded to the transformer's text width, then the T5 sequence, if there is one, appended along the tokens;
// the pooled embeddings side by side. With one small tower and no T5, as in the embedded model, nothing is padded.
//
// Shapes: B batch, L tokens, D width of one tower, E width of the transformer's text, P width of the pooled text.

using FlowBP.Models.Clip;

namespace FlowBP.Families.SD3;

/// <summary>Conditioning of a joint transformer.</summary>
/// <param name="Text_BLE">Text sequence.</param>
/// <param name="Pooled_BP">Pooled text.</param>
public sealed record SD3Conditioning(Tensor Text_BLE, Tensor Pooled_BP);

/// <summary>Builds the conditioning of Stable Diffusion 3.</summary>
public static class SD3PromptAssembly
{
    /// <summary>Encodes token ids with each tower and joins the results.</summary>
    /// <param name="towers">Text towers with the token ids of their own tokenizers, all [B, L].</param>
    /// <param name="textWidth">The transformer's <c>joint_attention_dim</c>.</param>
    /// <param name="t5_BME">Output of a T5 encoder; null if the model has none.</param>
    /// <exception cref="ArgumentException">The towers together are wider than <paramref name="textWidth"/>.</exception>
    public static SD3Conditioning Encode(
        IReadOnlyList<(CLIPTextModelWithProjection Tower, Tensor Ids_BL)> towers,
        int textWidth,
        Tensor? t5_BME = null
    )
    {
        using var scope = torch.NewDisposeScope();
        var sequences = new List<Tensor>();
        var pooled = new List<Tensor>();
        foreach (var (tower, ids_BL) in towers)
        {
            var states = tower.Encode(ids_BL);
            sequences.Add(states.Penultimate);
            pooled.Add(tower.Project(states.Pooled));
        }
        var text_BLE = PadWidth(torch.cat(sequences, -1), textWidth);
        if (t5_BME is not null)
        {
            text_BLE = torch.cat([text_BLE, t5_BME], 1);
        }
        return new SD3Conditioning(text_BLE.MoveToOuterDisposeScope(), torch.cat(pooled, -1).MoveToOuterDisposeScope());
    }

    private static Tensor PadWidth(Tensor text_BLD, int textWidth)
    {
        var missing = textWidth - text_BLD.shape[2];
        return missing switch
        {
            < 0 => throw new ArgumentException(
                $"found text towers of width {text_BLD.shape[2]} together, expected at most {textWidth} (joint_attention_dim)"
            ),
            0 => text_BLD,
            _ => F.pad(text_BLD, [0, missing]),
        };
    }
}
