// The normalisation that SentencePiece compiles into a vocabulary: a double-array trie from UTF-8 strings to their
// replacements. It is applied as the ecosystem's tokenizers apply it: a short grapheme is looked up as a whole and takes the
// replacement of its shortest known beginning; what is not found is replaced character by character. Prompts must give the
// ids that the encoders see elsewhere, so that rule is kept even where it drops an accent.

using System.Buffers.Binary;
using System.Globalization;
using System.Text;

namespace FlowBP.Models.Tokenizers;

/// <summary>A compiled character map.</summary>
internal sealed class CharacterMap
{
    // A grapheme of more bytes is never a key.
    private const int LongestGrapheme = 5;

    private readonly uint[] units;
    private readonly byte[] replacements;

    private CharacterMap(uint[] units, byte[] replacements)
    {
        this.units = units;
        this.replacements = replacements;
    }

    /// <summary>Reads a map: the trie's size in bytes, the trie, the replacements, each ended by a zero.</summary>
    /// <returns>The map; null if the bytes are none.</returns>
    public static CharacterMap? Read(ReadOnlySpan<byte> bytes)
    {
        if (bytes.Length < 4)
        {
            return null;
        }
        var trieBytes = BinaryPrimitives.ReadUInt32LittleEndian(bytes);
        if (trieBytes % 4 != 0 || trieBytes == 0 || trieBytes > bytes.Length - 4)
        {
            return null;
        }
        var units = new uint[trieBytes / 4];
        for (var i = 0; i < units.Length; i++)
        {
            units[i] = BinaryPrimitives.ReadUInt32LittleEndian(bytes[(4 + 4 * i)..]);
        }
        return new CharacterMap(units, bytes[(4 + (int)trieBytes)..].ToArray());
    }

    /// <summary>The text with every known string replaced.</summary>
    public string Apply(string text)
    {
        var result = new StringBuilder(text.Length);
        Span<byte> utf8 = stackalloc byte[4];
        ReadOnlySpan<char> rest = text;
        while (!rest.IsEmpty)
        {
            var length = StringInfo.GetNextTextElementLength(rest);
            var grapheme = rest[..length];
            rest = rest[length..];
            if (
                Encoding.UTF8.GetByteCount(grapheme) <= LongestGrapheme
                && Find(Encoding.UTF8.GetBytes([.. grapheme])) is { } whole
            )
            {
                result.Append(whole);
                continue;
            }
            foreach (var rune in grapheme.EnumerateRunes())
            {
                var bytes = rune.EncodeToUtf8(utf8);
                result.Append(Find(utf8[..bytes]) ?? rune.ToString());
            }
        }
        return result.ToString();
    }

    // The replacement of the shortest key that the bytes begin with. Every step is checked: the array may be damaged.
    private string? Find(ReadOnlySpan<byte> key)
    {
        var position = Offset(units[0]);
        foreach (var b in key)
        {
            position ^= b;
            if (b == 0 || position >= units.Length || Label(units[position]) != b)
            {
                return null;
            }
            var unit = units[position];
            position ^= Offset(unit);
            if (HasLeaf(unit))
            {
                return position < units.Length ? Replacement(units[position] & 0x7FFFFFFF) : null;
            }
        }
        return null;
    }

    private string? Replacement(uint start)
    {
        if (start >= replacements.Length)
        {
            return null;
        }
        ReadOnlySpan<byte> from = replacements.AsSpan((int)start);
        var end = from.IndexOf((byte)0);
        return Encoding.UTF8.GetString(end < 0 ? from : from[..end]);
    }

    private static bool HasLeaf(uint unit) => ((unit >> 8) & 1) == 1;

    private static uint Label(uint unit) => unit & 0x800000FF;

    private static uint Offset(uint unit) => (unit >> 10) << (int)((unit & 0x200) >> 6);
}
