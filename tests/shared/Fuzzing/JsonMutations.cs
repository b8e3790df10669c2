// Changes of a JSON text that leave most of it right, so that they are met where values are used and not where they are parsed.

using System.Text.Json;

namespace FlowBP.Tests.Fuzzing;

internal static class JsonMutations
{
    // A quarter of what an honest parser allows, and far more than a thread's stack.
    private static readonly int[] Depths = [2, 9, 17, 65, 1000, 100_000];

    private static readonly string[] OtherKinds =
    [
        "null",
        "true",
        "false",
        "{}",
        "[]",
        "[[]]",
        "[null]",
        "\"\"",
        "\"x\"",
    ];

    // Half of a pair of surrogates is JSON, and no text.
    private static readonly string[] NoTexts = ["\"\\uD800\"", "\"a\\uDC00b\"", "\"\\u0000\""];

    /// <summary>A text with up to three changes.</summary>
    public static string Of(string valid, Random random)
    {
        if (random.Next(12) == 0)
        {
            return Damaged(valid, random);
        }
        var tree = JsonTree.Parse(valid);
        for (var changes = random.Next(1, 4); changes > 0; changes--)
        {
            Change(tree, random);
        }
        var text = tree.ToString();
        return random.Next(40) == 0 ? Damaged(text, random) : text;
    }

    private static string Damaged(string text, Random random)
    {
        var bytes = ByteMutations.Of(System.Text.Encoding.UTF8.GetBytes(text), random);
        // As a reader of text sees bytes that are none.
        return System.Text.Encoding.UTF8.GetString(bytes);
    }

    private static void Change(JsonTree tree, Random random)
    {
        JsonTree[] all = [.. tree.All()];
        var value = HostileValues.Of(random, all);
        switch (random.Next(12))
        {
            case 0:
            case 1:
                if (Pick(all, random, JsonValueKind.Number) is { } number)
                {
                    number.Become(JsonTree.Literal(HostileValues.Of(random, HostileValues.Numbers)));
                }
                break;
            case 2:
                if (Pick(all, random, JsonValueKind.String) is { } text)
                {
                    text.Become(
                        random.Next(6) == 0
                            ? JsonTree.Literal(HostileValues.Of(random, NoTexts))
                            : JsonTree.Text(HostileValues.Of(random, HostileValues.Texts))
                    );
                }
                break;
            case 3:
                value.Become(JsonTree.Literal(HostileValues.Of(random, OtherKinds)));
                break;
            case 4:
                value.Become(JsonTree.Literal(HostileValues.Of(random, HostileValues.Numbers)));
                break;
            case 5:
                value.Become(HostileValues.Of(random, all).Copy());
                break;
            case 6:
                Nest(value, random);
                break;
            case 7:
                Stuff(value, random);
                break;
            default:
                ChangeMembers(all, random);
                break;
        }
    }

    private static void ChangeMembers(JsonTree[] all, Random random)
    {
        JsonTree[] containers = [.. all.Where(each => each.Members.Count > 0)];
        if (containers.Length == 0)
        {
            return;
        }
        var members = HostileValues.Of(random, containers).Members;
        var at = random.Next(members.Count);
        var (key, value) = members[at];
        switch (random.Next(5))
        {
            case 0:
                members.RemoveAt(at);
                break;
            case 1:
                members.Insert(random.Next(members.Count), (key, value.Copy()));
                break;
            case 2:
                members[at] = (HostileValues.Of(random, HostileValues.Texts), value);
                break;
            case 3:
                members[at] = (HostileValues.Of(random, members).Key, value);
                break;
            default:
                var other = random.Next(members.Count);
                (members[at], members[other]) = ((key, members[other].Value), (members[other].Key, value));
                break;
        }
    }

    private static JsonTree? Pick(JsonTree[] all, Random random, JsonValueKind kind)
    {
        JsonTree[] found = [.. all.Where(each => each.Kind == kind)];
        return found.Length == 0 ? null : HostileValues.Of(random, found);
    }

    private static void Nest(JsonTree value, Random random)
    {
        var depth = HostileValues.Of(random, Depths);
        if (depth > 100)
        {
            // A tree of this depth could not be written by a method that calls itself.
            value.Become(JsonTree.Literal(new string('[', depth) + new string(']', depth)));
            return;
        }
        var inObject = random.Next(2) == 0;
        for (var i = 0; i < depth; i++)
        {
            value.Wrap(inObject);
        }
    }

    private static void Stuff(JsonTree value, Random random)
    {
        var item = HostileValues.Of(random, (string[])["0", "1", "-1", "4611686018427387904", "[]", "\"x\"", "{}"]);
        var count = HostileValues.Of(random, (int[])[1, 3, 65, 2000]);
        value.Become(JsonTree.Literal($"[{string.Join(',', Enumerable.Repeat(item, count))}]"));
    }
}
