// A grid of patches as a sequence of tokens, row by row.
//
// Shapes: B batch, C channels, Y X patches, L = Y·X tokens.

namespace FlowBP.Models.Transformers;

/// <summary>Between a grid and its tokens.</summary>
public static class LatentTokens
{
    /// <summary>[B, C, Y, X] as [B, Y·X, C].</summary>
    /// <param name="grid_BCYX">The grid.</param>
    public static Tensor Pack(Tensor grid_BCYX)
    {
        using var scope = torch.NewDisposeScope();
        return grid_BCYX.flatten(2).transpose(1, 2).MoveToOuterDisposeScope();
    }

    /// <summary>[B, Y·X, C] as [B, C, Y, X], contiguous.</summary>
    /// <param name="tokens_BLC">The tokens.</param>
    /// <param name="height">Y.</param>
    /// <param name="width">X.</param>
    /// <exception cref="ArgumentException">The number of tokens is another.</exception>
    public static Tensor Unpack(Tensor tokens_BLC, long height, long width)
    {
        using var scope = torch.NewDisposeScope();
        var shape = tokens_BLC.shape;
        if (shape.Length != 3 || shape[1] != height * width)
        {
            throw new ArgumentException(
                $"found tokens of shape [{string.Join(", ", shape)}], expected [B, {height}·{width}, C]"
            );
        }
        return tokens_BLC.transpose(1, 2).reshape(shape[0], shape[2], height, width).MoveToOuterDisposeScope();
    }
}
