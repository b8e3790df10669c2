// Where FLUX.1 sees its tokens: an image token at (0, row, column) of the grid of patches, every text token at the origin.

namespace FlowBP.Families.Flux1;

/// <summary>Position ids of FLUX.1.</summary>
public static class FluxPositions
{
    /// <summary>Coordinates of a position.</summary>
    public const int Axes = 3;

    /// <summary>Positions of image tokens, row by row: [height·width, 3], float32.</summary>
    /// <param name="height">Rows of patches.</param>
    /// <param name="width">Columns of patches.</param>
    /// <param name="device">Where to; null: main memory.</param>
    public static Tensor Image(long height, long width, Device? device = null)
    {
        using var scope = torch.NewDisposeScope();
        var row_YX = torch.arange(height, dtype: ScalarType.Float32, device: device).unsqueeze(1).repeat(1, width);
        var column_YX = torch.arange(width, dtype: ScalarType.Float32, device: device).unsqueeze(0).repeat(height, 1);
        return torch.stack([torch.zeros_like(row_YX), row_YX, column_YX], 2).flatten(0, 1).MoveToOuterDisposeScope();
    }

    /// <summary>Positions of text tokens: zeros, [tokens, 3], float32.</summary>
    /// <param name="tokens">M.</param>
    /// <param name="device">Where to; null: main memory.</param>
    public static Tensor Text(long tokens, Device? device = null) =>
        torch.zeros([tokens, Axes], ScalarType.Float32, device);
}
