using System.Diagnostics;
using FlowBP.Cli.Bundling;
using FlowBP.Cli.Commands;
using FlowBP.Cli.Failures;
using FlowBP.Cli.Output;

namespace FlowBP.Cli.Tests;

/// <summary>`bundle`, with a small folder in the place of what the SDK would publish.</summary>
public class BundleTests
{
    private TemporaryFolder folder = null!;

    [SetUp]
    public void MakeFolder() => folder = new();

    [TearDown]
    public void RemoveFolder() => folder.Dispose();

    [TestCase("bundle.zip")]
    [TestCase("bundle")]
    public void An_archive_of_another_kind_is_wrong_usage(string name) =>
        Assert.That(
            CommandRun.Of("bundle", "--output", Path.Combine(folder.Path, name)).AssertUsageError(),
            Does.Contain("must be a file name that ends with .tar.xz").And.Contain(name)
        );

    [Test]
    public void An_archive_that_exists_is_left_alone()
    {
        var file = folder.Write("bundle.tar.xz", "mine");

        Assert.That(
            CommandRun.Of("bundle", "--output", file).AssertFailure(),
            Does.Contain("exists").And.Contain("--overwrite")
        );
        Assert.That(File.ReadAllText(file), Is.EqualTo("mine"));
    }

    [Test]
    public void A_folder_is_no_archive()
    {
        var path = Directory.CreateDirectory(Path.Combine(folder.Path, "bundle.tar.xz")).FullName;

        Assert.That(CommandRun.Of("bundle", "--output", path).AssertFailure(), Does.Contain("is a folder"));
    }

    [Test]
    public void A_word_without_a_flag_is_wrong_usage() =>
        Assert.That(CommandRun.Of("bundle", "here.tar.xz").AssertUsageError(), Does.Contain("takes options only"));

    [Test]
    public void The_contents_are_what_a_node_needs_and_nothing_else()
    {
        var names = Contents().Select(entry => entry.Name).ToArray();

        Assert.That(
            names,
            Is.EqualTo(
                new[]
                {
                    "flowbp-bundle/CMakeLists.txt",
                    "flowbp-bundle/LICENSE",
                    "flowbp-bundle/README.md",
                    "flowbp-bundle/app/FlowBP.Cli.dll",
                    "flowbp-bundle/app/assets/shapes/model/weights",
                    "flowbp-bundle/app/flowbp",
                    "flowbp-bundle/commit",
                    "flowbp-bundle/native/src/tensor.cpp",
                    "flowbp-bundle/run.sh",
                    "flowbp-bundle/shared/goldens/methods/refl/manifest.json",
                    "flowbp-bundle/shared/goldens/models/scheduler_sigmas.json",
                    "flowbp-bundle/shared/goldens/models/sd3_vae/io",
                }
            )
        );
    }

    [Test]
    public void Without_fixtures_the_rest_is_packed()
    {
        var names = BundleContents.Of(Tree(), Programs(), shared: null).Select(entry => entry.Name);

        Assert.That(names, Has.None.Contains("/shared/").And.Contains("flowbp-bundle/run.sh"));
    }

    [Test]
    public void The_archive_unpacks_to_the_same_files()
    {
        RequireXz();
        var target = Path.Combine(folder.Path, "made", "here", "b.tar.xz");

        Archive.Write(target, Contents());

        var unpacked = Directory.CreateDirectory(Path.Combine(folder.Path, "unpacked")).FullName;
        using (var tar = Process.Start("tar", ["-xJf", target, "-C", unpacked]))
        {
            tar.WaitForExit();
            Assert.That(tar.ExitCode, Is.Zero);
        }
        var run = Path.Combine(unpacked, "flowbp-bundle", "run.sh");
        Assert.That(File.ReadAllText(run), Is.EqualTo("#!/bin/sh\n"));
        Assert.That(
            File.ReadAllText(Path.Combine(unpacked, "flowbp-bundle", "native/src/tensor.cpp")),
            Is.EqualTo("// x")
        );
        Assert.That(OperatingSystem.IsWindows() || File.GetUnixFileMode(run).HasFlag(UnixFileMode.UserExecute));
        Assert.That(File.Exists($"{target}.partial"), Is.False);
    }

    [Test]
    public void The_same_files_are_the_same_bytes()
    {
        RequireXz();
        var first = Path.Combine(folder.Path, "1.tar.xz");
        var second = Path.Combine(folder.Path, "2.tar.xz");
        var contents = Contents();

        Archive.Write(first, contents);
        Archive.Write(second, contents);

        Assert.That(File.ReadAllBytes(second), Is.EqualTo(File.ReadAllBytes(first)));
    }

    [Test]
    public void A_file_that_can_not_be_read_leaves_no_archive_behind()
    {
        RequireXz();
        var target = Path.Combine(folder.Path, "b.tar.xz");
        BundleEntry gone = new("gone", () => File.OpenRead(Path.Combine(folder.Path, "gone")));

        Assert.That(() => Archive.Write(target, [gone]), Throws.TypeOf<FileNotFoundException>());
        Assert.That(Directory.GetFiles(folder.Path), Is.Empty);
    }

    [Test]
    public void The_command_publishes_packs_and_says_how_large_it_is()
    {
        RequireXz();
        var target = folder.Write("b.tar.xz", "old");
        SourceTree? published = null;
        using var output = new StringWriter();
        using var error = new StringWriter();
        var command = new BundleCommand(
            (tree, programs, _) =>
            {
                published = tree;
                Directory.CreateDirectory(programs);
                File.WriteAllText(Path.Combine(programs, "flowbp"), "program");
            },
            () => Tree(),
            () => null
        );

        var code = command.Run(
            new([KeyValuePair.Create("output", target), KeyValuePair.Create("overwrite", "true")], [], new()),
            new Terminal(output, error, CancellationToken.None)
        );

        Assert.That(code, Is.Zero);
        Assert.That(published, Is.Not.Null);
        Assert.That(output.ToString(), Does.StartWith($"bundle {target} (0.0 MB)"));
        Assert.That(new FileInfo(target).Length, Is.GreaterThan(100));
    }

    [Test]
    public void A_publication_that_fails_leaves_the_old_archive()
    {
        RequireXz();
        var target = folder.Write("b.tar.xz", "old");
        var command = new BundleCommand((_, _, _) => throw new FailedException("no SDK"), () => Tree(), () => null);

        Assert.That(
            () =>
                command.Run(
                    new([KeyValuePair.Create("output", target), KeyValuePair.Create("overwrite", "true")], [], new()),
                    new Terminal(TextWriter.Null, TextWriter.Null, CancellationToken.None)
                ),
            Throws.TypeOf<FailedException>()
        );
        Assert.That(File.ReadAllText(target), Is.EqualTo("old"));
    }

    private IReadOnlyList<BundleEntry> Contents()
    {
        folder.Write("shared/goldens/methods/refl/manifest.json", "{}");
        folder.Write("shared/goldens/models/sd3_vae/io", "numbers");
        folder.Write("shared/goldens/models/scheduler_sigmas.json", "{}");
        folder.Write("shared/goldens/models/flux1_vae/io", "of no use");
        folder.Write("shared/papers/paper.pdf", "of no use");
        return BundleContents.Of(Tree(), Programs(), Path.Combine(folder.Path, "shared"));
    }

    private SourceTree Tree()
    {
        folder.Write("tree/src/FlowBP.Cli/Bundling/run.sh", "#!/bin/sh\n");
        folder.Write("tree/docs/gpu-node.md", "how");
        folder.Write("tree/LICENSE", "free");
        folder.Write("tree/CMakeLists.txt", "project()");
        folder.Write("tree/native/src/tensor.cpp", "// x");
        folder.Write("tree/assets/shapes/model/weights", "0");
        folder.Write("tree/src/FlowBP.Cli/Program.cs", "not packed");
        return new(Path.Combine(folder.Path, "tree"));
    }

    private string Programs()
    {
        folder.Write("app/flowbp", "program");
        folder.Write("app/FlowBP.Cli.dll", "code");
        folder.Write("app/FlowBP.Cli.xml", "documentation");
        folder.Write("app/libmscordaccore.so", "for debuggers");
        folder.Write("app/Microsoft.CodeAnalysis.dll", "a compiler");
        folder.Write("app/amd64/msdia140.dll", "of another system");
        return Path.Combine(folder.Path, "app");
    }

    private static void RequireXz()
    {
        try
        {
            Archive.RequireCompressor();
        }
        catch (FailedException e)
        {
            Assert.Ignore(e.Message);
        }
    }
}
