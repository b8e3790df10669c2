// Decoding in overlapping tiles, for pictures whose decode does not fit into memory. It is an approximation: group norms and
// the attention at the lowest resolution see one tile instead of the picture. Tiles fade into each other along linear ramps,
// as in the ecosystem's tiled decode; here the ramps are normalised, so that any number of tiles may overlap.
//
// Shapes: B batch, C channels, Y X latent elements or pixels.

namespace FlowBP.Models.Autoencoders;

/// <summary>A decoder that sees the latent through a window; differentiable.</summary>
public sealed class TiledDecoder : ILatentDecoder
{
    private readonly ILatentDecoder inner;
    private readonly int tile;
    private readonly int overlap;

    /// <summary>Puts a window before a decoder.</summary>
    /// <param name="inner">Decodes a tile; it stays the caller's.</param>
    /// <param name="tile">Latent elements per side of a tile; what is no larger is decoded as a whole.</param>
    /// <param name="overlap">Latent elements that neighbours share at least; fewer than a tile has.</param>
    /// <exception cref="ArgumentException">Tiles would not advance.</exception>
    public TiledDecoder(ILatentDecoder inner, int tile, int overlap)
    {
        if (overlap < 0 || overlap >= tile)
        {
            throw new ArgumentException(
                $"found an overlap of {overlap}, expected one from 0 to below the tile's {tile}"
            );
        }
        this.inner = inner;
        this.tile = tile;
        this.overlap = overlap;
    }

    /// <inheritdoc/>
    public Tensor DecodeScaled(Tensor latents_BCYX)
    {
        long height = latents_BCYX.size(2);
        long width = latents_BCYX.size(3);
        if (height <= tile && width <= tile)
        {
            return inner.DecodeScaled(latents_BCYX);
        }
        using var scope = torch.NewDisposeScope();
        Tile[] rows = Cut(height);
        Tile[] columns = Cut(width);
        Tensor? picture_BCYX = null;
        foreach (Tile row in rows)
        {
            foreach (Tile column in columns)
            {
                Tensor window_BCYX = latents_BCYX
                    .narrow(2, row.Start, row.Length)
                    .narrow(3, column.Start, column.Length);
                Tensor image_BCYX = inner.DecodeScaled(window_BCYX);
                long scale = image_BCYX.size(2) / row.Length;
                Tensor weight_YX = Ramp(rows, row, scale).outer(Ramp(columns, column, scale));
                Tensor placed_BCYX = F.pad(
                    image_BCYX * weight_YX.to(image_BCYX.device).to_type(image_BCYX.dtype),
                    [column.Start * scale, (width - column.End) * scale, row.Start * scale, (height - row.End) * scale]
                );
                picture_BCYX = picture_BCYX is null ? placed_BCYX : picture_BCYX + placed_BCYX;
            }
        }
        return picture_BCYX!.MoveToOuterDisposeScope();
    }

    // As few tiles as cover a side, evenly spread.
    private Tile[] Cut(long side)
    {
        if (side <= tile)
        {
            return [new Tile(0, side, 0, 0)];
        }
        long step = tile - overlap;
        long count = (side - overlap + step - 1) / step;
        long[] starts = [.. Enumerable.Range(0, (int)count).Select(i => i * (side - tile) / (count - 1))];
        return
        [
            .. starts.Select(
                (start, i) =>
                    new Tile(
                        start,
                        tile,
                        i == 0 ? 0 : starts[i - 1] + tile - start,
                        i == starts.Length - 1 ? 0 : start + tile - starts[i + 1]
                    )
            ),
        ];
    }

    // A tile's share of its pixels along one axis; the shares of all tiles add up to one at every pixel.
    private static Tensor Ramp(Tile[] tiles, Tile own, long scale)
    {
        var shares = new float[own.Length * scale];
        for (int i = 0; i < shares.Length; i++)
        {
            double place = own.Start + ((i + 0.5) / scale);
            shares[i] = (float)(own.Height(place) / tiles.Sum(other => other.Height(place)));
        }
        return torch.tensor(shares);
    }

    /// <summary>A stretch of latent elements along one axis.</summary>
    /// <param name="Start">First element.</param>
    /// <param name="Length">Number of elements.</param>
    /// <param name="SharedBefore">Elements shared with the tile before.</param>
    /// <param name="SharedAfter">Elements shared with the tile after.</param>
    private readonly record struct Tile(long Start, long Length, long SharedBefore, long SharedAfter)
    {
        public long End => Start + Length;

        // Rises over what is shared with the tile before, falls over what is shared with the one after, and is nothing outside.
        public double Height(double place) =>
            place <= Start || place >= End
                ? 0
                : Math.Min(Slope(place - Start, SharedBefore), Slope(End - place, SharedAfter));

        private static double Slope(double inside, long shared) => shared == 0 ? 1 : Math.Min(1, inside / shared);
    }
}
