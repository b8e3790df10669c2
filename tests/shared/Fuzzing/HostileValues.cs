// What no honest writer puts into a file: numbers at the edges of their types, texts that are paths to elsewhere.

using System.Buffers.Binary;

namespace FlowBP.Tests.Fuzzing;

internal static class HostileValues
{
    /// <summary>Numbers as JSON and YAML spell them; the last ones are no numbers there.</summary>
    public static readonly string[] Numbers =
    [
        "0",
        "-1",
        "1",
        "2",
        "3",
        "7",
        "64",
        "255",
        "1000",
        "65536",
        "1000000",
        "16777216",
        "2147483647",
        "2147483648",
        "-2147483648",
        "4294967295",
        "4294967296",
        "4611686018427387904",
        "9223372036854775807",
        "9223372036854775808",
        "-9223372036854775808",
        "18446744073709551615",
        "99999999999999999999999999",
        "0.5",
        "1e308",
        "-1e308",
        "1e999",
        "1e-400",
        "-0.0",
        "1e9",
        "NaN",
        "Infinity",
        "0x10",
        "01",
    ];

    /// <summary>Texts.</summary>
    public static readonly string[] Texts =
    [
        "",
        " ",
        ".",
        "..",
        "../../x",
        "../outside.safetensors",
        "/etc/passwd",
        "/dev/zero",
        "/proc/self/mem",
        "~/x",
        "C:\\x",
        "..\\..\\x",
        "a/../../x",
        "\0",
        "a\0b",
        "\n",
        "a\r\nb",
        "\u2028",
        "\u202Eabc",
        "é\u0301",
        "🦀",
        "İ",
        "\uFEFF",
        "null",
        "true",
        "%s%n",
        "{0}",
        "{0:N999999999}",
        "$(x)",
        "(((((",
        "[",
        "*",
        "__proto__",
        "__metadata__",
        "F32",
        "LORA",
        "checkpoint-1",
        new('x', 300),
        new('x', 20_000),
        new('\u0301', 300),
    ];

    private static readonly long[] Integers =
    [
        0,
        -1,
        1,
        2,
        127,
        128,
        255,
        256,
        32767,
        65535,
        65536,
        int.MaxValue,
        int.MinValue,
        uint.MaxValue,
        1L << 32,
        1L << 62,
        long.MaxValue,
        long.MinValue,
    ];

    private static readonly double[] Reals =
    [
        double.NaN,
        double.PositiveInfinity,
        double.NegativeInfinity,
        1e308,
        -1e308,
        double.Epsilon,
        -0.0,
    ];

    /// <summary>An extreme number as 1, 2, 4 or 8 little-endian bytes.</summary>
    public static byte[] Binary(Random random)
    {
        var bytes = new byte[8];
        switch (random.Next(4))
        {
            case 0:
                BinaryPrimitives.WriteDoubleLittleEndian(bytes, Of(random, Reals));
                return bytes;
            case 1:
                BinaryPrimitives.WriteSingleLittleEndian(bytes, (float)Of(random, Reals));
                return bytes[..4];
            default:
                BinaryPrimitives.WriteInt64LittleEndian(bytes, Of(random, Integers));
                return bytes[..(1 << random.Next(4))];
        }
    }

    /// <summary>One of some.</summary>
    public static T Of<T>(Random random, IReadOnlyList<T> values) => values[random.Next(values.Count)];
}
