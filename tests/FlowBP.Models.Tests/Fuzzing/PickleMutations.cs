// Changes of a pickle that keep it a list of instructions: one goes, comes a thousand times over, changes places, or has another
// argument. What is left is a program that the stack machine understands and that nobody wrote.

using FlowBP.Tests.Fuzzing;

namespace FlowBP.Models.Tests.Fuzzing;

internal static class PickleMutations
{
    private static readonly int[] Counts = [1, 2, 70, 3000];

    /// <summary>A pickle with up to four changes.</summary>
    public static byte[] Of(byte[] valid, Random random)
    {
        var instructions = Split(valid);
        for (var changes = random.Next(1, 5); changes > 0 && instructions.Count > 0; changes--)
        {
            Change(instructions, random);
        }
        return [.. instructions.SelectMany(each => each)];
    }

    private static void Change(List<byte[]> instructions, Random random)
    {
        var at = random.Next(instructions.Count);
        switch (random.Next(9))
        {
            case 0:
                instructions.RemoveAt(at);
                break;
            case 1:
                instructions.InsertRange(at, Enumerable.Repeat(instructions[at], HostileValues.Of(random, Counts)));
                break;
            case 2:
                var other = random.Next(instructions.Count);
                (instructions[at], instructions[other]) = (instructions[other], instructions[at]);
                break;
            case 3:
                var run = Math.Min(random.Next(1, 12), instructions.Count - at);
                instructions.InsertRange(random.Next(instructions.Count), instructions.GetRange(at, run));
                break;
            case 4:
                instructions.Insert(at, [(byte)random.Next(256)]);
                break;
            case 5:
                instructions.Insert(at, Hostile(random));
                break;
            default:
                ChangeArgument(instructions, at, random);
                break;
        }
    }

    private static void ChangeArgument(List<byte[]> instructions, int from, Random random)
    {
        // The next instruction that has an argument.
        var at = instructions.FindIndex(from, each => each.Length > 1);
        if (at < 0)
        {
            return;
        }
        var changed = (byte[])instructions[at].Clone();
        if (changed[0] is (byte)'X' or (byte)'c' && random.Next(2) == 0)
        {
            instructions[at] = Text(HostileValues.Of(random, HostileValues.Texts));
            return;
        }
        if (changed[0] is (byte)'K' or (byte)'J' && random.Next(2) == 0)
        {
            // A number of another size: 2^63 - 1, -1, 2^62.
            instructions[at] = HostileValues.Of(
                random,
                (byte[][])
                    [
                        [0x8A, 8, 255, 255, 255, 255, 255, 255, 255, 127],
                        [0x8A, 1, 255],
                        [0x8A, 8, 0, 0, 0, 0, 0, 0, 0, 64],
                        [0x8A, 9, 0, 0, 0, 0, 0, 0, 0, 0, 1],
                        [(byte)'G', 127, 240, 0, 0, 0, 0, 0, 0],
                        [(byte)'K', 0],
                    ]
            );
            return;
        }
        var value = HostileValues.Binary(random);
        for (var i = 0; i < value.Length && 1 + i < changed.Length; i++)
        {
            changed[1 + i] = value[i];
        }
        instructions[at] = changed;
    }

    private static byte[] Hostile(Random random) =>
        HostileValues.Of(
            random,
            (byte[][])
                [
                    [.. "cos\nsystem\n"u8],
                    [.. "cbuiltins\neval\n"u8],
                    [(byte)'X', 255, 255, 255, 127],
                    [(byte)'T', 255, 255, 255, 255],
                    [0x8A, 255],
                    [(byte)'r', 255, 255, 255, 255],
                    [(byte)'j', 0, 0, 0, 128],
                    [(byte)'h', 0],
                    [(byte)'q', 0],
                    [(byte)'R'],
                    [(byte)'b'],
                    [(byte)'Q'],
                    [0x81],
                    [0x93],
                ]
        );

    private static byte[] Text(string text)
    {
        var utf8 = System.Text.Encoding.UTF8.GetBytes(text);
        return [(byte)'X', .. BitConverter.GetBytes(utf8.Length), .. utf8];
    }

    /// <summary>The instructions of a pickle as torch.save writes them.</summary>
    private static List<byte[]> Split(byte[] pickle)
    {
        var found = new List<byte[]>();
        for (var at = 0; at < pickle.Length; )
        {
            var size = pickle[at] switch
            {
                0x80 or (byte)'K' or (byte)'q' or (byte)'h' => 2,
                (byte)'M' => 3,
                (byte)'J' or (byte)'r' or (byte)'j' => 5,
                (byte)'G' => 9,
                0x8A => 2 + pickle[at + 1],
                (byte)'X' => 5 + BitConverter.ToInt32(pickle, at + 1),
                (byte)'c' => Array.IndexOf(pickle, (byte)'\n', Array.IndexOf(pickle, (byte)'\n', at) + 1) + 1 - at,
                _ => 1,
            };
            found.Add(pickle[at..(at + size)]);
            at += size;
        }
        return found;
    }
}
