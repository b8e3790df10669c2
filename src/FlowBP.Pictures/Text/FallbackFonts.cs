// The fonts of a system are many, and most are never needed: each is opened when a character asks for it that those before it lack, and
// stays open for the next one.

namespace FlowBP.Pictures.Text;

/// <summary>Fonts that are opened one by one.</summary>
/// <param name="files">Font files, in the order in which they are tried.</param>
internal sealed class FallbackFonts(IEnumerable<string> files) : IDisposable
{
    private readonly List<string> unopened = [.. files];
    private readonly List<FontFace> opened = [];

    /// <summary>The first font of emoji that has what is asked for; null: none.</summary>
    public FontFace? FirstOfEmoji(Func<FontFace, bool> hasAll)
    {
        OpenEmoji();
        return opened.Where(face => FontFiles.IsOfEmoji(face.Name)).FirstOrDefault(hasAll);
    }

    /// <summary>The first font that has what is asked for, those first that are open; null: none.</summary>
    public FontFace? First(Func<FontFace, bool> hasAll)
    {
        if (opened.FirstOrDefault(hasAll) is { } earlier)
        {
            return earlier;
        }

        while (OpenNext() is { } next)
        {
            if (hasAll(next))
            {
                return next;
            }
        }
        return null;
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (var face in opened)
        {
            face.Dispose();
        }
    }

    private void OpenEmoji()
    {
        foreach (var path in unopened.Where(FontFiles.IsOfEmoji))
        {
            if (FontFace.OfFile(path) is { } face)
            {
                opened.Add(face);
            }
        }
        unopened.RemoveAll(FontFiles.IsOfEmoji);
    }

    private FontFace? OpenNext()
    {
        while (unopened is [var path, ..])
        {
            unopened.RemoveAt(0);
            if (FontFace.OfFile(path) is { } face)
            {
                opened.Add(face);
                return face;
            }
        }
        return null;
    }
}
