// Adaptive layer normalisation as FLUX's blocks use it: a norm without weights of its own, scaled and shifted by what the
// time and the prompt say, and a gate on what is added back.
//
// Shapes: B batch, L tokens, D width, P parts.

namespace FlowBP.Models.Transformers;

/// <summary>Shift, scale and gate of one sub-block, [B, 1, D] each.</summary>
/// <param name="Shift_B1D">Added after the norm.</param>
/// <param name="Scale_B1D">Multiplies the norm as 1 + scale.</param>
/// <param name="Gate_B1D">Multiplies the sub-block's output.</param>
internal readonly record struct Modulation(Tensor Shift_B1D, Tensor Scale_B1D, Tensor Gate_B1D)
{
    /// <summary>The modulations of consecutive sub-blocks, of three parts each in the order shift, scale, gate.</summary>
    /// <param name="parts_BE">All parts, [B, 3·sub-blocks·D].</param>
    /// <param name="subBlocks">How many sub-blocks.</param>
    public static Modulation[] Of(Tensor parts_BE, int subBlocks)
    {
        var parts = parts_BE.unsqueeze(1).chunk(3 * subBlocks, -1);
        return
        [
            .. Enumerable
                .Range(0, subBlocks)
                .Select(i => new Modulation(parts[3 * i], parts[(3 * i) + 1], parts[(3 * i) + 2])),
        ];
    }

    /// <summary>The norm of a stream, scaled and shifted.</summary>
    public Tensor Normed(Tensor x_BLD, double epsilon) =>
        F.layer_norm(x_BLD, [x_BLD.shape[2]], eps: epsilon) * (Scale_B1D + 1) + Shift_B1D;

    /// <summary><c>x + gate·update</c>.</summary>
    public Tensor Added(Tensor x_BLD, Tensor update_BLD) => x_BLD + Gate_B1D * update_BLD;
}
