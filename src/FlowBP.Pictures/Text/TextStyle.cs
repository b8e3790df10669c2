using SkiaSharp;

namespace FlowBP.Pictures.Text;

/// <summary>How a text is set.</summary>
/// <param name="Size">Pixels per em.</param>
/// <param name="LineHeight">From one line to the next, in pixels, whichever fonts a line takes.</param>
/// <param name="Colour">Of the ink.</param>
/// <param name="IsHeavy">Whether it is set in the heavier weight.</param>
internal sealed record TextStyle(float Size, int LineHeight, SKColor Colour, bool IsHeavy = false)
{
    // Of Inter, in ems.
    private const float Ascent = 0.969f;
    private const float Descent = 0.242f;

    /// <summary>From the top of a line to its baseline, in whole pixels: letters stand in the middle of their line.</summary>
    public int Baseline => (int)MathF.Round((LineHeight - (Ascent + Descent) * Size) / 2 + Ascent * Size);
}
