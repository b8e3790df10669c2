// `bundle`: everything that a GPU node without .NET needs, in one file.

using System.Globalization;
using FlowBP.Cli.Bundling;
using FlowBP.Cli.Failures;
using FlowBP.Cli.Output;
using FlowBP.Cli.Parsing;
using FlowBP.Settings;

namespace FlowBP.Cli.Commands;

/// <summary>Packs a self-contained copy.</summary>
/// <param name="publish">Publishes the programs of a source tree into a folder, with their runtime.</param>
/// <param name="sources">Finds the source tree.</param>
/// <param name="fixtures">Finds the folder of the recorded fixtures; null where there are none.</param>
internal sealed class BundleCommand(
    Action<SourceTree, string, Terminal> publish,
    Func<SourceTree> sources,
    Func<string?> fixtures
) : ICommand
{
    private const double Megabyte = 1e6;

    private static readonly SettingTable<BundleOptions> s_options = new(new());

    /// <summary>Of the tree that this program was built in, published by the .NET SDK.</summary>
    public BundleCommand()
        : this(Publication.Run, SourceTree.OfThisProgram, () => SharedFolder.Find(SourceTree.OfThisProgram())) { }

    /// <inheritdoc/>
    public string Name => "bundle";

    /// <inheritdoc/>
    public string Summary => "pack a self-contained copy for a GPU node without .NET";

    /// <inheritdoc/>
    public IReadOnlyList<string> Examples { get; } =
    ["flowbp bundle", "flowbp bundle --output DIR/flowbp.tar.xz --overwrite"];

    /// <inheritdoc/>
    public IReadOnlyList<OptionGroup> Options(string? method) => [new("options", s_options.Settings)];

    /// <inheritdoc/>
    public int Run(CommandArguments arguments, Terminal terminal)
    {
        var target = CheckedTarget(arguments.To(s_options));
        var tree = sources();
        Archive.RequireCompressor();

        // Emptied first: a program that is published no longer must not be packed any longer.
        var programs = Path.Combine(tree.Root, "build", "bundle", "app");
        if (Directory.Exists(programs))
        {
            Directory.Delete(programs, recursive: true);
        }
        publish(tree, programs, terminal);
        terminal.Stop.ThrowIfCancellationRequested();
        terminal.Error.WriteLine("flowbp: packing …");
        Archive.Write(target, BundleContents.Of(tree, programs, fixtures()), terminal.Stop);

        var bytes = new FileInfo(target).Length;
        terminal.Output.WriteLine(
            string.Create(CultureInfo.InvariantCulture, $"bundle {target} ({bytes / Megabyte:0.0} MB)")
        );
        terminal.Output.WriteLine(
            "on the node: unpack it (tar -xJf, or python3 -m tarfile -e), then run flowbp-bundle/run.sh"
        );
        return 0;
    }

    // Before anything is built: a mistake here should not cost minutes.
    private static string CheckedTarget(BundleOptions options)
    {
        var target = options.Output;
        if (!target.EndsWith(".tar.xz", StringComparison.Ordinal))
        {
            throw new UsageException($"output must be a file name that ends with .tar.xz, got '{target}'");
        }
        if (Directory.Exists(target))
        {
            throw new FailedException($"{target} is a folder; give the name of a file");
        }
        if (File.Exists(target) && !options.Overwrite)
        {
            throw new FailedException($"{target} exists; delete it, give another --output, or --overwrite");
        }
        return target;
    }

    private sealed record BundleOptions
    {
        [Setting("the archive; its name ends with .tar.xz")]
        public string Output { get; init; } = Path.Combine("outputs", "flowbp-bundle.tar.xz");

        [Setting("replace the archive if it exists")]
        public bool Overwrite { get; init; }
    }
}
