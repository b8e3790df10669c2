// Rotary position embedding over several axes: each axis turns its own share of a head's pairs of neighbouring elements, by
// an angle proportional to the token's coordinate on that axis. Queries and keys are both turned, so that their product
// depends on the difference of positions alone.
//
// Shapes: N tokens, A axes, P pairs (half the width K of a head), B batch, H heads.

namespace FlowBP.Models.Transformers;

/// <summary>Cosines and sines of every token's rotation; constants, without gradients.</summary>
/// <param name="Cosine_NP">[N, P], float32.</param>
/// <param name="Sine_NP">[N, P], float32.</param>
public sealed record RotaryTable(Tensor Cosine_NP, Tensor Sine_NP)
{
    /// <summary>
    /// The table of some positions. Pair i of axis a turns by <c>position_a · theta^(−2i / width_a)</c>, the product taken in
    /// float64 and its cosine and sine rounded to float32, as in the implementation that the weights were trained with.
    /// </summary>
    /// <param name="ids_NA">Coordinates of the tokens, of any type.</param>
    /// <param name="widths">Elements of a head that each axis turns, even; together the width of a head.</param>
    /// <param name="theta">Base of the frequencies.</param>
    /// <exception cref="ArgumentException">There are not as many coordinates as axes.</exception>
    public static RotaryTable Of(Tensor ids_NA, IReadOnlyList<int> widths, double theta)
    {
        if (ids_NA.ndim != 2 || ids_NA.size(1) != widths.Count)
        {
            throw new ArgumentException(
                $"found position ids of shape [{string.Join(", ", ids_NA.shape)}], expected [tokens, {widths.Count}]"
            );
        }
        using var scope = torch.NewDisposeScope();
        var angle_NP = torch.cat(
            [
                .. widths.Select(
                    (width, axis) =>
                    {
                        double[] frequencies =
                        [
                            .. Enumerable.Range(0, width / 2).Select(i => 1 / Math.Pow(theta, 2.0 * i / width)),
                        ];
                        var frequency_P = torch.tensor(frequencies, device: ids_NA.device);
                        return ids_NA.select(1, axis).to_type(ScalarType.Float64).unsqueeze(1) * frequency_P;
                    }
                ),
            ],
            1
        );
        return new RotaryTable(
            angle_NP.cos().to_type(ScalarType.Float32).MoveToOuterDisposeScope(),
            angle_NP.sin().to_type(ScalarType.Float32).MoveToOuterDisposeScope()
        );
    }

    /// <summary>Turns pairs of neighbours: <c>(a, b) → (a·cos − b·sin, b·cos + a·sin)</c>, in float32 at least.</summary>
    /// <param name="x_BHNK">Queries or keys.</param>
    public Tensor Rotate(Tensor x_BHNK)
    {
        var wide = x_BHNK.dtype == ScalarType.Float64 ? x_BHNK : x_BHNK.to_type(ScalarType.Float32);
        var pairs_BHNP2 = wide.unflatten(3, [-1, 2]);
        var a_BHNP = pairs_BHNP2.select(4, 0);
        var b_BHNP = pairs_BHNP2.select(4, 1);
        var turned = torch.stack([a_BHNP * Cosine_NP - b_BHNP * Sine_NP, b_BHNP * Cosine_NP + a_BHNP * Sine_NP], -1);
        return turned.flatten(3).to_type(x_BHNK.dtype);
    }
}
