// Changes of a file that know nothing of its form.

namespace FlowBP.Tests.Fuzzing;

internal static class ByteMutations
{
    private const int LongestRun = 64;

    /// <summary>A copy with up to four changes.</summary>
    public static byte[] Of(ReadOnlySpan<byte> valid, Random random)
    {
        List<byte> bytes = [.. valid];
        for (var changes = random.Next(1, 5); changes > 0; changes--)
        {
            Change(bytes, random);
        }
        return [.. bytes];
    }

    private static void Change(List<byte> bytes, Random random)
    {
        if (bytes.Count == 0)
        {
            bytes.Add((byte)random.Next(256));
            return;
        }
        var at = Place(bytes.Count, random);
        var run = Math.Min(random.Next(1, LongestRun), bytes.Count - at);
        switch (random.Next(10))
        {
            case 0:
                bytes.RemoveRange(at, bytes.Count - at);
                break;
            case 1:
                bytes.RemoveRange(at, run);
                break;
            case 2:
                bytes.InsertRange(at, bytes.GetRange(at, run));
                break;
            case 3:
                bytes.InsertRange(at, Noise(run, random));
                break;
            case 4:
                bytes.InsertRange(Place(bytes.Count, random), bytes.GetRange(at, run));
                break;
            case 5:
            case 6:
                Overwrite(bytes, at, HostileValues.Binary(random));
                break;
            case 7:
                bytes[at] = (byte)random.Next(256);
                break;
            case 8:
                Overwrite(bytes, at, System.Text.Encoding.UTF8.GetBytes(HostileValues.Of(random, HostileValues.Texts)));
                break;
            default:
                bytes[at] ^= (byte)(1 << random.Next(8));
                break;
        }
    }

    // Headers lie at the beginning and directories at the end: half of all changes meet one of them.
    private static int Place(int count, Random random) =>
        random.Next(4) switch
        {
            0 => random.Next(Math.Min(count, 16)),
            1 => count - 1 - random.Next(Math.Min(count, 128)),
            _ => random.Next(count),
        };

    private static byte[] Noise(int count, Random random)
    {
        var noise = new byte[count];
        random.NextBytes(noise);
        return noise;
    }

    private static void Overwrite(List<byte> bytes, int at, byte[] value)
    {
        for (var i = 0; i < value.Length && at + i < bytes.Count; i++)
        {
            bytes[at + i] = value[i];
        }
    }
}
