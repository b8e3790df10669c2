// Pictures come from Skia and text is shaped by HarfBuzz: two native libraries, which come with their packages. Where one does not
// load, this is where it is noticed, once, so that everybody else can rely on it.
using System.Runtime.CompilerServices;
using HarfBuzzSharp;
using SkiaSharp;

namespace FlowBP.Pictures;

/// <summary>Whether the native libraries load.</summary>
internal static class NativeLibraries
{
    private static readonly Lazy<Exception?> s_skia = new(() => Attempt(CallSkia));
    private static readonly Lazy<Exception?> s_harfBuzz = new(() => Attempt(CallHarfBuzz));

    /// <summary>Says that pictures can't be made.</summary>
    /// <exception cref="PicturesUnavailableException">Skia does not load.</exception>
    public static void RequireSkia()
    {
        if (s_skia.Value is { } cause)
        {
            throw new PicturesUnavailableException(
                $"pictures need SkiaSharp's native library, which does not load here ({FirstLine(cause)}); "
                    + "SkiaSharp.NativeAssets.Linux.NoDependencies brings it for x64 and arm64",
                cause
            );
        }
    }

    /// <summary>Why text can't be shaped, in one line; null if it can.</summary>
    public static string? WhyNoText => s_harfBuzz.Value is { } cause ? FirstLine(cause) : null;

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static void CallSkia() => _ = SKImageInfo.PlatformColorType;

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static void CallHarfBuzz() => _ = UnicodeFunctions.Default.GetScript('a');

    private static Exception? Attempt(Action call)
    {
        try
        {
            call();
            return null;
        }
        // Whatever it is (a file that is missing, of another processor, of another version): nothing can be drawn with it.
        catch (Exception e)
        {
            return e;
        }
    }

    private static string FirstLine(Exception e)
    {
        while (e is TypeInitializationException { InnerException: { } inner })
        {
            e = inner;
        }

        return e.Message.Split('\n', 2)[0].TrimEnd('.', '\r', ' ');
    }
}
