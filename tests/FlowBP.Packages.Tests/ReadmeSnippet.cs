// The first code that a person tries is what the package's page shows: it is compiled and run as it stands there. Its using lines
// come first, its statements become a method, the types at its end are nested.

using System.Text;
using System.Text.RegularExpressions;

namespace FlowBP.Packages.Tests;

internal static partial class ReadmeSnippet
{
    /// <summary>A source file of the class Snippets, whose Run runs every package's snippet after a line with its name.</summary>
    public static string File(IEnumerable<string> ids)
    {
        var usings = new SortedSet<string>(StringComparer.Ordinal);
        var methods = new StringBuilder();
        var calls = new StringBuilder();
        foreach (var id in ids)
        {
            using var package = new PackageFile(id);
            var lines = Code().Match(package.Text("README.md")).Groups[1].Value.Split('\n').ToList();
            usings.UnionWith(lines.Where(IsUsing));
            var types = lines.FindIndex(line => Type().IsMatch(line));
            var end = types < 0 ? lines.Count : types;
            var name = id.Replace('.', '_');
            methods.AppendLine($"static class {name} {{ public static void Run() {{");
            methods.AppendJoin('\n', lines[..end].Where(line => !IsUsing(line)));
            methods.AppendLine("\n}");
            methods.AppendJoin('\n', lines[end..]);
            methods.AppendLine("\n}");
            calls.AppendLine($"Console.WriteLine(\"readme {id}\"); {name}.Run();");
        }
        return $"{string.Join('\n', usings)}\n{methods}\nstatic class Snippets {{ public static void Run() {{ {calls} }} }}\n";
    }

    private static bool IsUsing(string line) => Using().IsMatch(line);

    [GeneratedRegex("```csharp\n(.*?)```", RegexOptions.Singleline)]
    private static partial Regex Code();

    [GeneratedRegex(@"^using [\w. ]+;$")]
    private static partial Regex Using();

    [GeneratedRegex("^(sealed )?(class|record) ")]
    private static partial Regex Type();
}
