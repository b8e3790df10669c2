// Where FLUX.2 sees its tokens. The four axes are time (of which reference image), row, column, and place in the text: an
// image token lies at (0, row, column, 0) of the grid of patches, text token l at (0, 0, 0, l).

namespace FlowBP.Families.Flux2;

/// <summary>Position ids of FLUX.2.</summary>
public static class Flux2Positions
{
    /// <summary>Coordinates of a position.</summary>
    public const int Axes = 4;

    /// <summary>Positions of image tokens, row by row: [height·width, 4], int64.</summary>
    /// <param name="height">Rows of patches.</param>
    /// <param name="width">Columns of patches.</param>
    /// <param name="device">Where to; null: main memory.</param>
    public static Tensor Image(long height, long width, Device? device = null)
    {
        using var scope = torch.NewDisposeScope();
        var row_YX = torch.arange(height, dtype: ScalarType.Int64, device: device).unsqueeze(1).repeat(1, width);
        var column_YX = torch.arange(width, dtype: ScalarType.Int64, device: device).unsqueeze(0).repeat(height, 1);
        var zero_YX = torch.zeros_like(row_YX);
        return torch.stack([zero_YX, row_YX, column_YX, zero_YX], 2).flatten(0, 1).MoveToOuterDisposeScope();
    }

    /// <summary>Positions of text tokens: [tokens, 4], int64.</summary>
    /// <param name="tokens">M.</param>
    /// <param name="device">Where to; null: main memory.</param>
    public static Tensor Text(long tokens, Device? device = null)
    {
        using var scope = torch.NewDisposeScope();
        var place_M = torch.arange(tokens, dtype: ScalarType.Int64, device: device);
        var zero_M = torch.zeros_like(place_M);
        return torch.stack([zero_M, zero_M, zero_M, place_M], 1).MoveToOuterDisposeScope();
    }
}
