using FlowBP.Torch.Interop;

namespace FlowBP.Torch;

/// <summary>What lies outside the border of an image; the numbers are TorchSharp's.</summary>
public enum PaddingModes
{
    /// <summary>Zeros.</summary>
    Zeros = 0,

    /// <summary>The image mirrored at its border pixels.</summary>
    Reflect = 1,

    /// <summary>The border pixel.</summary>
    Replicate = 2,

    /// <summary>The image again.</summary>
    Circular = 3,

    /// <summary>One number.</summary>
    Constant = 4,
}

/// <summary>How pixels between pixels are found; the numbers are TorchSharp's.</summary>
public enum InterpolationMode
{
    /// <summary>The pixel at the rounded-down position.</summary>
    Nearest = 0,

    /// <summary>Linear along both axes.</summary>
    Bilinear = 2,

    /// <summary>Cubic along both axes.</summary>
    Bicubic = 3,

    /// <summary>Means of the pixels covered.</summary>
    Area = 5,

    /// <summary>The pixel at the nearest centre.</summary>
    NearestExact = 6,
}

// Functions of images [B, C, H, W].
public static partial class torch
{
    public static partial class nn
    {
        public static partial class functional
        {
            /// <summary>Pads the last axes: (left, right) of the last, then of the one before, …</summary>
            /// <param name="input">Any shape.</param>
            /// <param name="pad">Elements before and after, two per axis; negative crops.</param>
            /// <param name="mode">What is put there.</param>
            /// <param name="value">The number of the constant mode.</param>
            public static Tensor pad(
                Tensor input,
                long[] pad,
                PaddingModes mode = PaddingModes.Constant,
                double value = 0
            ) =>
                mode switch
                {
                    PaddingModes.Constant => Aten.constant_pad_nd.Call(input, pad, (Scalar)value),
                    PaddingModes.Zeros => Aten.constant_pad_nd.Call(input, pad, (Scalar)0),
                    PaddingModes.Reflect => Aten.pad.Call(input, pad, "reflect"),
                    PaddingModes.Replicate => Aten.pad.Call(input, pad, "replicate"),
                    PaddingModes.Circular => Aten.pad.Call(input, pad, "circular"),
                    _ => throw new ArgumentOutOfRangeException(nameof(mode), mode, "not a padding mode"),
                };

            /// <summary>[B, C, H, W] in another size.</summary>
            /// <param name="x">[B, C, H, W].</param>
            /// <param name="size">[H', W'], or null.</param>
            /// <param name="scale_factor">Factors of H and W, or null.</param>
            /// <param name="mode">How pixels between pixels are found.</param>
            /// <param name="align_corners">Corner pixels stay where they are (bilinear and bicubic only).</param>
            /// <param name="recompute_scale_factor">Take the factor from the rounded sizes.</param>
            /// <param name="antialias">Filter before reducing (bilinear and bicubic only).</param>
            /// <exception cref="ArgumentException">Not exactly one of size and factor, or not four dimensions.</exception>
            public static Tensor interpolate(
                Tensor x,
                long[]? size = null,
                double[]? scale_factor = null,
                InterpolationMode mode = InterpolationMode.Nearest,
                bool? align_corners = null,
                bool recompute_scale_factor = false,
                bool antialias = false
            )
            {
                if (x.ndim != 4 || size is null == scale_factor is null)
                {
                    throw new ArgumentException(
                        $"interpolate of {x.Describe()}: needs [B, C, H, W] and either a size or a factor"
                    );
                }

                if (scale_factor is not null && (recompute_scale_factor || mode == InterpolationMode.Area))
                {
                    size = [(long)(x.size(2) * scale_factor[0]), (long)(x.size(3) * scale_factor[^1])];
                    scale_factor = null;
                }

                var corners = align_corners ?? false;
                return mode switch
                {
                    InterpolationMode.Nearest => Aten.upsample_nearest2d.Call(x, size, scale_factor),
                    InterpolationMode.NearestExact => Aten.upsample_nearest_exact2d.Call(x, size, scale_factor),
                    InterpolationMode.Area => Aten.adaptive_avg_pool2d.Call(x, size),
                    InterpolationMode.Bilinear => (
                        antialias ? Aten.upsample_bilinear2d_aa : Aten.upsample_bilinear2d
                    ).Call(x, size, corners, scale_factor),
                    InterpolationMode.Bicubic => (
                        antialias ? Aten.upsample_bicubic2d_aa : Aten.upsample_bicubic2d
                    ).Call(x, size, corners, scale_factor),
                    _ => throw new ArgumentOutOfRangeException(nameof(mode), mode, "not an interpolation"),
                };
            }
        }
    }
}
