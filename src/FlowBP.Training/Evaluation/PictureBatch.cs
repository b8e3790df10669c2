namespace FlowBP.Training.Evaluation;

/// <summary>How many pictures are painted at once where nothing is trained.</summary>
public static class PictureBatch
{
    // As many as keep operators busy at 32 × 32, where more would gain nothing.
    private const int MostPictures = 32;

    // A decoder's widest activations, 256 channels of float32 at full size, are then 1 GiB each.
    private const long MostPixels = 1 << 20;

    /// <summary>
    /// 32 pictures, or as many as together have 2^20 pixels: 32 up to 181 × 181, 16 of 256 × 256, 4 of 512 × 512, 1 of
    /// 1024 × 1024 or more.
    /// </summary>
    /// <param name="height">Rows of pixels, at least 1.</param>
    /// <param name="width">Pixels per row, at least 1.</param>
    public static int Of(int height, int width) =>
        (int)Math.Clamp(MostPixels / ((long)height * width), 1, MostPictures);
}
