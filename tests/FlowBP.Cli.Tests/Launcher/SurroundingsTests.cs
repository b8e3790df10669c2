namespace FlowBP.Cli.Tests.Launcher;

/// <summary>Other users, folders that can't be written to, odd paths: it works, or one line says what to do.</summary>
public class SurroundingsTests
{
    [Test]
    public void A_tree_that_another_user_built_is_used_as_it_is()
    {
        using var tree = new LauncherTree();
        tree.Run("doctor").AssertRan("TorchSharp");
        tree.TakeBuilds();
        var run = tree.RunAsReader([("HOME", "/nonexistent"), ("NUGET_PACKAGES", null)], "doctor");
        run.AssertRan("TorchSharp");
        Assert.That(run.Error, Is.Empty);
    }

    [Test]
    public void A_tree_that_can_not_be_brought_up_to_date_is_used_with_a_word_about_it()
    {
        using var tree = new LauncherTree();
        tree.Run("doctor").AssertRan("TorchSharp");
        LauncherTree.Write(Path.Combine(tree.Root, "src/FlowBP.Cli/Program.cs"), "other source");
        var run = tree.RunAsReader([], "doctor");
        run.AssertRan("TorchSharp");
        Assert.That(run.Lines, Has.Length.EqualTo(1));
        Assert.That(
            run.LastLine,
            Does.Contain($"{tree.Root}/build can't be written to by the user nobody").And.Contain("as it is")
        );
    }

    [Test]
    public void Set_up_and_build_do_not_claim_what_another_user_can_not_have()
    {
        using var tree = new LauncherTree();
        tree.Run("doctor").AssertRan("TorchSharp");
        var build = tree.RunAsReader([], "build");
        Assert.That(build.Code, Is.EqualTo(1));
        Assert.That(build.LastLine, Is.EqualTo("flowbp: the solution is not up to date"));
        Assert.That(tree.RunAsReader([], "setup").LastLine, Does.StartWith("flowbp: this machine is ready"));
        tree.Fails("loading", "flowbp: the native library does not load: it is a link to /root/a.so");
        Assert.That(tree.RunAsReader([], "setup").AssertOneLine(1), Is.EqualTo("flowbp: it is a link to /root/a.so"));
    }

    [Test]
    public void Another_python_first_on_the_path_is_no_reason_to_write_to_a_tree_of_somebody_else()
    {
        using var tree = new LauncherTree();
        tree.Run([("TorchProvider", "FlowBP")], "doctor").AssertRan("FlowBP");
        tree.Script("python3", "#!/usr/bin/env bash\nexit 1\n");
        var run = tree.RunAsReader([("TorchProvider", "FlowBP"), ("HOME", "/nonexistent")], "doctor");
        run.AssertRan("FlowBP");
        Assert.That(run.LastLine, Does.Contain("can't be written to by the user nobody"));
    }

    [Test]
    public void What_is_not_built_and_can_not_be_is_one_line_with_what_its_owner_does()
    {
        using var tree = new LauncherTree();
        tree.Run("doctor").AssertRan("TorchSharp");
        Assert.That(
            tree.RunAsReader([("TorchProvider", "FlowBP")], "doctor").AssertOneLine(1),
            Does.Contain("not built for TorchProvider=FlowBP").And.Contain("TorchProvider=FlowBP ./flowbp build")
        );
    }

    [Test]
    public void A_home_that_is_not_there_is_replaced_and_its_packages_are_still_used()
    {
        using var tree = new LauncherTree();
        var home = Path.Combine(tree.Home, "gone");
        tree.Run([("HOME", home), ("NUGET_PACKAGES", null)], "doctor").AssertRan("TorchSharp");
        Assert.That(tree.BuildEnvironment, Does.StartWith($"HOME={tree.Root}/build/home "));
    }

    [Test]
    public void Without_any_home_the_tree_s_own_is_used()
    {
        using var tree = new LauncherTree();
        tree.Run([("HOME", null)], "doctor").AssertRan("TorchSharp");
        Assert.That(tree.BuildEnvironment, Does.StartWith($"HOME={tree.Root}/build "));
    }

    [Test]
    public void A_temporary_folder_that_is_not_there_is_replaced()
    {
        using var tree = new LauncherTree();
        tree.Run([("TMPDIR", "/nonexistent")], "doctor").AssertRan("TorchSharp");
        Assert.That(tree.BuildEnvironment, Does.Contain($"TMPDIR={tree.Root}/build/tmp"));
    }

    [Test]
    public void A_cache_that_can_not_be_written_to_is_named_with_the_variable_that_names_another()
    {
        using var tree = new LauncherTree();
        tree.Fails(
            "build.TorchSharp",
            $"/sdk/NuGet.targets(198,5): error : Access to the path '{tree.Packages}/torchsharp' is denied. [/tree/a.csproj]"
        );
        tree.Fails("restore.FlowBP", "the same");
        var run = tree.Run("setup");
        Assert.That(run.Code, Is.EqualTo(1));
        Assert.That(
            run.LastLine,
            Does.Contain($"NuGet's cache {tree.Packages} can't be written to").And.Contain("NUGET_PACKAGES")
        );
    }

    [Test]
    public void Without_dotnet_one_line_says_how_to_get_it()
    {
        using var tree = new LauncherTree();
        tree.RemoveTool("dotnet");
        Assert.That(
            tree.Run("doctor").AssertOneLine(1),
            Does.StartWith("flowbp: the .NET SDK 10 is missing; install it with: ")
        );
    }

    [Test]
    public void Paths_may_have_spaces_and_letters_of_any_alphabet()
    {
        using var tree = new LauncherTree("it's a „träe“ $HOME");
        tree.Run("doctor").AssertRan("TorchSharp");
        tree.Run([("TorchProvider", "FlowBP")], "doctor").AssertRan("FlowBP");
        Assert.That(tree.TakeBuilds(), Is.EqualTo(new[] { "TorchSharp build", "cmake", "FlowBP build" }));
    }

    [Test]
    public void It_can_be_called_by_a_link_from_anywhere()
    {
        using var tree = new LauncherTree();
        var link = Path.Combine(tree.Home, "fb");
        File.CreateSymbolicLink(link, Path.Combine(tree.Root, "flowbp"));
        tree.Start([link], [], ["doctor"], from: tree.Home).AssertRan("TorchSharp");
        Assert.That(Directory.EnumerateFileSystemEntries(tree.Home), Is.EqualTo(new[] { link }));
    }

    [Test]
    public void The_script_passes_shellcheck()
    {
        using var tree = new LauncherTree();
        if (!File.Exists("/usr/bin/shellcheck"))
        {
            Assert.Ignore("shellcheck is not installed");
        }
        var run = tree.Start(["/usr/bin/shellcheck"], [], [Path.Combine(tree.Root, "flowbp")]);
        Assert.That(run.Code, Is.Zero, run.Output);
    }
}
