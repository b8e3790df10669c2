// Text in pictures, without a font file or a text engine: the sheet below is the font. Every band of it names its
// characters and draws them in nine rows (seven above the baseline, two below), as wide as each needs. At even sizes
// the steps of slanted strokes are rounded off.
namespace FlowBP.Shapes.Pictures;

/// <summary>A small proportional pixel font: printable ASCII and ± × →; a few typographic marks become their ASCII kin.</summary>
public static class PixelFont
{
    /// <summary>Height of a line of text at size 1, in pixels: nine rows of glyph and two of space.</summary>
    public const int LineHeight = 11;

    private const int Rows = 9;
    private const int Tracking = 1;
    private const int SpaceWidth = 3;
    private const char Unknown = '?';

    private const string Sheet = """
        ! "   #     $     %     &     ' (  )  *   +     ,  -    .
        # #.# .#.#. ..#.. ##..# .##.. # .# #. ... ..... .. .... .
        # #.# .#.#. .#### ##..# #..#. # #. .# ... ..#.. .. .... .
        # ... ##### #.#.. ...#. #.#.. . #. .# #.# ..#.. .. .... .
        # ... .#.#. .###. ..#.. .#... . #. .# .#. ##### .. #### .
        # ... ##### ..#.# .#... #.#.# . #. .# #.# ..#.. .. .... .
        . ... .#.#. ####. #..## #..#. . #. .# ... ..#.. .. .... .
        # ... .#.#. ..#.. #..## .##.# . .# #. ... ..... .# .... #
        . ... ..... ..... ..... ..... . .. .. ... ..... #. .... .
        . ... ..... ..... ..... ..... . .. .. ... ..... .. .... .
        /     0    1     2     3     4     5     6     7     8     9     : ;  <
        ....# .##. ..#.. .###. .###. ...#. ##### .###. ##### .###. .###. . .. ...#
        ....# #..# .##.. #...# #...# ..##. #.... #.... ....# #...# #...# . .. ..#.
        ...#. #..# ..#.. ....# ....# .#.#. ####. #.... ...#. #...# #...# # .# .#..
        ..#.. #..# ..#.. ...#. ..##. #..#. ....# ####. ..#.. .###. .#### . .. #...
        .#... #..# ..#.. ..#.. ....# ##### ....# #...# ..#.. #...# ....# . .. .#..
        #.... #..# ..#.. .#... #...# ...#. #...# #...# ..#.. #...# ....# . .. ..#.
        #.... .##. .###. ##### .###. ...#. .###. .###. ..#.. .###. .###. # .# ...#
        ..... .... ..... ..... ..... ..... ..... ..... ..... ..... ..... . #. ....
        ..... .... ..... ..... ..... ..... ..... ..... ..... ..... ..... . .. ....
        =    >    ?     @     A     B     C     D     E     F     G     H     I   J
        .... #... .###. .###. .###. ####. .###. ####. ##### ##### .###. #...# ### ..###
        .... .#.. #...# #...# #...# #...# #...# #...# #.... #.... #...# #...# .#. ...#.
        #### ..#. ....# #.### #...# #...# #.... #...# #.... #.... #.... #...# .#. ...#.
        .... ...# ...#. #.#.# ##### ####. #.... #...# ####. ####. #.### ##### .#. ...#.
        #### ..#. ..#.. #.### #...# #...# #.... #...# #.... #.... #...# #...# .#. ...#.
        .... .#.. ..... #.... #...# #...# #...# #...# #.... #.... #...# #...# .#. #..#.
        .... #... ..#.. .###. #...# ####. .###. ####. ##### #.... .#### #...# ### .##..
        .... .... ..... ..... ..... ..... ..... ..... ..... ..... ..... ..... ... .....
        .... .... ..... ..... ..... ..... ..... ..... ..... ..... ..... ..... ... .....
        K     L     M     N     O     P     Q     R     S     T     U     V     W     X
        #...# #.... #...# #...# .###. ####. .###. ####. .#### ##### #...# #...# #...# #...#
        #..#. #.... ##.## ##..# #...# #...# #...# #...# #.... ..#.. #...# #...# #...# #...#
        #.#.. #.... #.#.# #.#.# #...# #...# #...# #...# #.... ..#.. #...# #...# #...# .#.#.
        ##... #.... #.#.# #..## #...# ####. #...# ####. .###. ..#.. #...# #...# #.#.# ..#..
        #.#.. #.... #...# #...# #...# #.... #.#.# #.#.. ....# ..#.. #...# #...# #.#.# .#.#.
        #..#. #.... #...# #...# #...# #.... #..#. #..#. ....# ..#.. #...# .#.#. ##.## #...#
        #...# ##### #...# #...# .###. #.... .##.# #...# ####. ..#.. .###. ..#.. #...# #...#
        ..... ..... ..... ..... ..... ..... ..... ..... ..... ..... ..... ..... ..... .....
        ..... ..... ..... ..... ..... ..... ..... ..... ..... ..... ..... ..... ..... .....
        Y     Z     [  \     ]  ^   _     `  a     b     c    d     e     f
        #...# ##### ## #.... ## .#. ..... #. ..... #.... .... ....# ..... ..##
        #...# ....# #. #.... .# #.# ..... .# ..... #.... .... ....# ..... .#..
        .#.#. ...#. #. .#... .# ... ..... .. .###. ####. .### .#### .###. ####
        ..#.. ..#.. #. ..#.. .# ... ..... .. ....# #...# #... #...# #...# .#..
        ..#.. .#... #. ...#. .# ... ..... .. .#### #...# #... #...# ##### .#..
        ..#.. #.... #. ....# .# ... ..... .. #...# #...# #... #...# #.... .#..
        ..#.. ##### ## ....# ## ... ..... .. .#### ####. .### .#### .###. .#..
        ..... ..... .. ..... .. ... ##### .. ..... ..... .... ..... ..... ....
        ..... ..... .. ..... .. ... ..... .. ..... ..... .... ..... ..... ....
        g     h     i j   k    l  m     n     o     p     q     r    s     t
        ..... #.... # ..# #... #. ..... ..... ..... ..... ..... .... ..... .#..
        ..... #.... . ... #... #. ..... ..... ..... ..... ..... .... ..... .#..
        .#### ####. # ..# #..# #. ##.#. ####. .###. ####. .#### #.## .#### ####
        #...# #...# # ..# #.#. #. #.#.# #...# #...# #...# #...# ##.. #.... .#..
        #...# #...# # ..# ##.. #. #.#.# #...# #...# #...# #...# #... .###. .#..
        #...# #...# # ..# #.#. #. #.#.# #...# #...# #...# #...# #... ....# .#..
        .#### #...# # ..# #..# .# #.#.# #...# .###. ####. .#### #... ####. ..##
        ....# ..... . ..# .... .. ..... ..... ..... #.... ....# .... ..... ....
        .###. ..... . ##. .... .. ..... ..... ..... #.... ....# .... ..... ....
        u     v     w     x     y     z     {   | }   ~     ±     ×     →
        ..... ..... ..... ..... ..... ..... ..# # #.. ..... ..#.. ..... .....
        ..... ..... ..... ..... ..... ..... .#. # .#. ..... ..#.. #...# ..#..
        #...# #...# #.#.# #...# #...# ##### .#. # .#. ..... ##### .#.#. ...#.
        #...# #...# #.#.# .#.#. #...# ...#. #.. # ..# .#..# ..#.. ..#.. #####
        #...# #...# #.#.# ..#.. #...# ..#.. .#. # .#. #.##. ..#.. .#.#. ...#.
        #...# .#.#. #.#.# .#.#. #...# .#... .#. # .#. ..... ..... #...# ..#..
        .#### ..#.. .#.#. #...# .#### ##### ..# # #.. ..... ##### ..... .....
        ..... ..... ..... ..... ....# ..... ... . ... ..... ..... ..... .....
        ..... ..... ..... ..... .###. ..... ... . ... ..... ..... ..... .....
        """;

    // Below the sheet, because static fields are set in the order of the text.
    private static readonly Dictionary<char, bool[,]> s_glyphs = ReadSheet();

    /// <summary>Width of a text, in pixels, without space after the last character.</summary>
    /// <param name="text">One line of text.</param>
    /// <param name="size">Pixels per pixel of the font, at least 1.</param>
    public static int Measure(string text, int size)
    {
        int width = 0;
        foreach (char character in Ascii(text))
            width += Advance(character);
        return Math.Max(0, width - Tracking) * size;
    }

    /// <summary>Breaks a text into lines at blanks; a word wider than a line is broken where it must be.</summary>
    /// <param name="text">Text; line feeds are kept.</param>
    /// <param name="size">Pixels per pixel of the font, at least 1.</param>
    /// <param name="width">Widest line, in pixels.</param>
    public static IReadOnlyList<string> Wrap(string text, int size, int width)
    {
        var lines = new List<string>();
        foreach (string paragraph in text.Split('\n'))
        {
            string line = "";
            foreach (string word in paragraph.Split(' ', StringSplitOptions.RemoveEmptyEntries))
            {
                string longer = line.Length == 0 ? word : line + " " + word;
                if (Measure(longer, size) <= width)
                {
                    line = longer;
                    continue;
                }
                if (line.Length > 0)
                    lines.Add(line);
                line = word;
                while (line.Length > 1 && Measure(line, size) > width)
                {
                    int fitting = line.Length - 1;
                    while (fitting > 1 && Measure(line[..fitting], size) > width)
                        fitting--;
                    lines.Add(line[..fitting]);
                    line = line[fitting..];
                }
            }
            lines.Add(line);
        }
        return lines;
    }

    /// <summary>Draws one line of text.</summary>
    /// <param name="image">Where to.</param>
    /// <param name="text">One line of text.</param>
    /// <param name="left">First column.</param>
    /// <param name="top">First row.</param>
    /// <param name="size">Pixels per pixel of the font, at least 1.</param>
    /// <param name="ink">Colour.</param>
    public static void Draw(RgbImage image, string text, int left, int top, int size, Rgb ink)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(size, 1);
        foreach (char character in Ascii(text))
        {
            if (character != ' ')
                Draw(image, Glyph(character), left, top, size, ink);
            left += Advance(character) * size;
        }
    }

    private static void Draw(RgbImage image, bool[,] glyph, int left, int top, int size, Rgb ink)
    {
        if (size % 2 == 0)
            (glyph, size) = (Smooth(glyph), size / 2);
        for (int y = 0; y < glyph.GetLength(0); y++)
        {
            for (int x = 0; x < glyph.GetLength(1); x++)
            {
                if (glyph[y, x])
                    image.Fill(left + x * size, top + y * size, size, size, ink);
            }
        }
    }

    // The "Scale2x" rule: a quarter of a pixel takes the colour of its two neighbours where these agree and the
    // opposite ones don't.
    private static bool[,] Smooth(bool[,] glyph)
    {
        int height = glyph.GetLength(0);
        int width = glyph.GetLength(1);
        var smooth = new bool[2 * height, 2 * width];
        for (int y = 0; y < height; y++)
        {
            for (int x = 0; x < width; x++)
            {
                bool self = glyph[y, x];
                bool up = At(y - 1, x);
                bool down = At(y + 1, x);
                bool left = At(y, x - 1);
                bool right = At(y, x + 1);
                bool corner = up != down && left != right;
                smooth[2 * y, 2 * x] = corner && left == up ? left : self;
                smooth[2 * y, 2 * x + 1] = corner && right == up ? right : self;
                smooth[2 * y + 1, 2 * x] = corner && left == down ? left : self;
                smooth[2 * y + 1, 2 * x + 1] = corner && right == down ? right : self;
            }
        }
        return smooth;

        bool At(int y, int x) => y >= 0 && y < height && x >= 0 && x < width && glyph[y, x];
    }

    private static int Advance(char character) =>
        Tracking + (character == ' ' ? SpaceWidth : Glyph(character).GetLength(1));

    private static bool[,] Glyph(char character) => s_glyphs.GetValueOrDefault(character) ?? s_glyphs[Unknown];

    private static string Ascii(string text) =>
        text.Replace('−', '-')
            .Replace('–', '-')
            .Replace('—', '-')
            .Replace('“', '"')
            .Replace('”', '"')
            .Replace('‘', '\'')
            .Replace('’', '\'')
            .Replace("…", "...");

    private static Dictionary<char, bool[,]> ReadSheet()
    {
        var glyphs = new Dictionary<char, bool[,]>();
        string[][] lines = [.. Sheet.Split('\n').Select(l => l.Split(' ', StringSplitOptions.RemoveEmptyEntries))];
        for (int band = 0; band < lines.Length; band += Rows + 1)
        {
            for (int i = 0; i < lines[band].Length; i++)
            {
                var glyph = new bool[Rows, lines[band + 1][i].Length];
                for (int y = 0; y < Rows; y++)
                {
                    for (int x = 0; x < glyph.GetLength(1); x++)
                        glyph[y, x] = lines[band + 1 + y][i][x] == '#';
                }
                glyphs.Add(lines[band][i][0], glyph);
            }
        }
        return glyphs;
    }
}
