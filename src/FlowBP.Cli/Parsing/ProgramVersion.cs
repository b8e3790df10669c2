using System.Reflection;

namespace FlowBP.Cli.Parsing;

/// <summary>The program's version, from the build.</summary>
internal static class ProgramVersion
{
    /// <summary>As in <c>0.1.0</c>, with the commit if the build knew it.</summary>
    public static string Text { get; } =
        typeof(ProgramVersion)
            .Assembly.GetCustomAttribute<AssemblyInformationalVersionAttribute>()!
            .InformationalVersion;
}
