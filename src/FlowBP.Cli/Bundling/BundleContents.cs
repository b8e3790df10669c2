// What lies where in a bundle:
//
//   flowbp-bundle/run.sh              builds native/, runs everything, writes results.json
//   flowbp-bundle/commit              of the sources
//   flowbp-bundle/CMakeLists.txt, native/
//   flowbp-bundle/app/                programs, their common runtime, assets/
//   flowbp-bundle/shared/goldens/     fixtures, where they are present
//
// Small enough to be copied anywhere: of the runtime and of the benchmarks' libraries, what no program here calls stays out.

using System.Text;
using System.Text.RegularExpressions;

namespace FlowBP.Cli.Bundling;

/// <summary>A file of an archive.</summary>
/// <param name="Name">Its path in the archive.</param>
/// <param name="Open">Opens its content.</param>
/// <param name="IsExecutable">Whether it may be run.</param>
internal sealed record BundleEntry(string Name, Func<Stream> Open, bool IsExecutable = false);

/// <summary>The files of a bundle.</summary>
internal static partial class BundleContents
{
    /// <summary>The folder that everything is in.</summary>
    public const string Root = "flowbp-bundle";

    // What has something to compute on a GPU, and what these need; tokenizers and layouts have nothing.
    private static readonly string[] ModelFixtures =
    [
        "clip_bigg_text",
        "clip_l_text",
        "e2e_sd35",
        "flux1_transformer",
        "flux2_transformer",
        "flux2_vae",
        "hpsv2_clip",
        "packing",
        "pickscore_clip",
        "qwen3_text",
        "scheduler_sigmas.json",
        "sd3_encode_prompt",
        "sd3_transformer",
        "sd3_vae",
        "t5_encoder",
    ];

    /// <summary>All files, in the order of their names.</summary>
    /// <param name="tree">The sources.</param>
    /// <param name="programs">What was published.</param>
    /// <param name="shared">The folder that holds <c>goldens</c>; null: no fixtures.</param>
    public static IReadOnlyList<BundleEntry> Of(SourceTree tree, string programs, string? shared)
    {
        List<BundleEntry> entries =
        [
            From(tree.Path("src", "FlowBP.Cli", "Bundling", "run.sh"), "run.sh", isExecutable: true),
            new("commit", () => new MemoryStream(Encoding.UTF8.GetBytes(tree.Commit() + "\n"))),
            From(tree.Path("docs", "gpu-node.md"), "README.md"),
            From(tree.Path("LICENSE"), "LICENSE"),
            From(tree.Path("CMakeLists.txt"), "CMakeLists.txt"),
            .. Folder(tree.Path("native"), "native"),
            .. Folder(tree.Path("assets"), "app/assets"),
            .. Folder(programs, "app").Where(entry => !Unneeded().IsMatch(entry.Name)),
        ];
        if (shared is not null)
        {
            entries.AddRange(Folder(Path.Combine(shared, "goldens", "methods"), "shared/goldens/methods"));
            foreach (var name in ModelFixtures)
            {
                var path = Path.Combine(shared, "goldens", "models", name);
                entries.AddRange(
                    File.Exists(path)
                        ? [From(path, $"shared/goldens/models/{name}")]
                        : Folder(path, $"shared/goldens/models/{name}")
                );
            }
        }
        return
        [
            .. entries
                .Select(entry => entry with { Name = $"{Root}/{entry.Name}" })
                .OrderBy(entry => entry.Name, StringComparer.Ordinal),
        ];
    }

    private static IEnumerable<BundleEntry> Folder(string folder, string name) =>
        Directory.Exists(folder)
            ? Directory
                .EnumerateFiles(folder, "*", SearchOption.AllDirectories)
                .Select(file =>
                    From(
                        file,
                        $"{name}/{Path.GetRelativePath(folder, file).Replace('\\', '/')}",
                        !OperatingSystem.IsWindows() && File.GetUnixFileMode(file).HasFlag(UnixFileMode.UserExecute)
                    )
                )
            : [];

    private static BundleEntry From(string file, string name, bool isExecutable = false) =>
        new(name, () => File.OpenRead(file), isExecutable);

    // Debugging and tracing, other collectors; BenchmarkDotNet, without which the GPU benchmarks run; documentation; and parts of
    // the framework that neither the programs nor their libraries call.
    [GeneratedRegex(
        """
            (?x) ^app/ (?:
                .*\.(?:xml|pdb)
              | createdump | libmscordaccore\.so | libmscordbi\.so | libclrgc(?:exp)?\.so | libcoreclrtraceptprovider\.so
              | Microsoft\.CodeAnalysis\..* | Microsoft\.CodeAnalysis\.dll | Microsoft\.CodeCoverage/.*
              | Microsoft\.Diagnostics\..* | Dia2Lib\.dll | TraceReloggerLib\.dll | Iced\.dll
              | BenchmarkDotNet\.dll | CommandLine\.dll | Perfolizer\.dll | Pragmastat\.dll | System\.CodeDom\.dll | Microsoft\.DotNet\..*
              | Microsoft\.Extensions\.(?!DependencyModel).*
              | Gee\.External\.Capstone\.dll | libcapstone\.so | System\.Management\.dll | (?:amd64|x86|arm64)/.*
              | Microsoft\.VisualBasic(?:\.Core)?\.dll | System\.Data\.Common\.dll | System\.Transactions\.Local\.dll
              | System\.Linq\.AsyncEnumerable\.dll | System\.Linq\.Parallel\.dll | System\.Threading\.Tasks\.Dataflow\.dll
              | System\.Net\.(?:Http|HttpListener|Mail|Quic|Requests|Security|WebClient|WebSockets)\.dll
              | System\.Linq\.Expressions\.dll | System\.Formats\.Asn1\.dll | Microsoft\.ApplicationInsights\.dll
              | Microsoft\.TestPlatform\.(?:CrossPlatEngine|CommunicationUtilities)\.dll
              | System\.Private\.DataContractSerialization\.dll | System\.Text\.Encoding\.CodePages\.dll | Microsoft\.CSharp\.dll
            ) $
            """
    )]
    private static partial Regex Unneeded();
}
