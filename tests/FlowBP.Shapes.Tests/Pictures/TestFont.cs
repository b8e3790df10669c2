// A font whose glyphs are known exactly, made byte by byte: every character it has is a filled rectangle from the baseline up.
using System.Buffers.Binary;
using System.Text;

namespace FlowBP.Shapes.Tests;

/// <summary>Writes TrueType files of rectangles.</summary>
internal static class TestFont
{
    /// <summary>Units of an em.</summary>
    public const int Em = 1000;

    /// <summary>A font.</summary>
    /// <param name="codePoints">The characters it has, ascending.</param>
    /// <param name="width">Of each rectangle, in ems / 1000; each character is an em wide.</param>
    /// <param name="height">Of each rectangle, in ems / 1000.</param>
    public static byte[] Of(IReadOnlyList<int> codePoints, int width = Em / 2, int height = Em / 2)
    {
        var glyphs = codePoints.Count + 1;
        byte[] box =
        [
            .. Words(1, 0, 0, width, height, 3, 0),
            // Four points on the curve, counter-clockwise in y-up coordinates: steps as words.
            1,
            1,
            1,
            1,
            .. Words(0, 0, width, 0),
            .. Words(0, height, 0, -height),
        ];
        if (box.Length % 4 != 0)
        {
            box = [.. box, .. new byte[4 - box.Length % 4]];
        }

        List<(string Tag, byte[] Data)> tables =
        [
            ("OS/2", [.. Words(4, Em, 400, 5, 0), .. new byte[86]]),
            (
                "cmap",
                [
                    .. Words(0, 1, 3, 10),
                    .. Longs(12),
                    .. Words(12, 0),
                    .. Longs(16 + 12 * codePoints.Count, 0, codePoints.Count),
                    .. codePoints.SelectMany((code, i) => Longs(code, code, i + 1)),
                ]
            ),
            ("glyf", [.. Enumerable.Repeat(box, glyphs).SelectMany(b => b)]),
            (
                "head",
                [
                    .. Longs(0x10000, 0x10000, 0, 0x5F0F3CF5),
                    .. Words(0, Em),
                    .. new byte[16],
                    .. Words(0, 0, width, height, 0, 8, 2, 1, 0),
                ]
            ),
            ("hhea", [.. Longs(0x10000), .. Words(800, -200, 0, Em, 0, 0, width, 1, 0, 0, 0, 0, 0, 0, 0, glyphs)]),
            ("hmtx", [.. Enumerable.Repeat(Words(Em, 0), glyphs).SelectMany(w => w)]),
            ("loca", Longs([.. Enumerable.Range(0, glyphs + 1).Select(i => i * box.Length)])),
            ("maxp", [.. Longs(0x10000), .. Words(glyphs, 4, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0)]),
        ];
        using var file = new MemoryStream();
        file.Write(Longs(0x10000));
        file.Write(Words(tables.Count, 128, 3, tables.Count * 16 - 128));
        var offset = 12 + 16 * tables.Count;
        foreach ((var tag, var data) in tables)
        {
            file.Write(Encoding.ASCII.GetBytes(tag));
            file.Write(Longs(0, offset, data.Length));
            offset += (data.Length + 3) / 4 * 4;
        }
        foreach ((_, var data) in tables)
        {
            file.Write(data);
            file.Write(new byte[(4 - data.Length % 4) % 4]);
        }
        return file.ToArray();
    }

    private static byte[] Words(params int[] values)
    {
        var bytes = new byte[2 * values.Length];
        for (var i = 0; i < values.Length; i++)
        {
            BinaryPrimitives.WriteInt16BigEndian(bytes.AsSpan(2 * i), (short)values[i]);
        }

        return bytes;
    }

    private static byte[] Longs(params int[] values)
    {
        var bytes = new byte[4 * values.Length];
        for (var i = 0; i < values.Length; i++)
        {
            BinaryPrimitives.WriteInt32BigEndian(bytes.AsSpan(4 * i), values[i]);
        }

        return bytes;
    }
}
