namespace FlowBP.Cli.Tests.Launcher;

/// <summary>Where the package can't provide the tensors the own binding does, with the reason; and not for longer than that holds.</summary>
public class FallbackTests
{
    private const string Refusal =
        "/packages/libLibTorchSharp.so does not load: it breaks off after 7 bytes; remove its folder";

    private LauncherTree tree = null!;

    [SetUp]
    public void Lay() => tree = new();

    [TearDown]
    public void Remove() => tree.Dispose();

    [Test]
    public void With_a_whole_package_nothing_else_is_built_and_nothing_is_built_twice()
    {
        tree.Run("doctor").AssertRan("TorchSharp");
        Assert.That(tree.TakeBuilds(), Is.EqualTo(new[] { "TorchSharp build" }));
        tree.Run("doctor").AssertRan("TorchSharp");
        Assert.That(tree.TakeBuilds(), Is.Empty);
        Assert.That(tree.Run("setup").LastLine, Does.EndWith("tensors come from the TorchSharp package"));
    }

    [TestCase("setup")]
    [TestCase("doctor")]
    [TestCase("demo")]
    public void A_package_that_does_not_load_is_replaced_with_the_reason_in_one_line(string command)
    {
        tree.Fails("loading", $"flowbp: {Refusal}");
        var run = tree.Run(command);
        Assert.That(run.Code, Is.Zero, run.Error);
        Assert.That(tree.TakeBuilds(), Is.EqualTo(new[] { "TorchSharp build", "cmake", "FlowBP build" }));
        var reason = run.Lines.First(line => line.Contains(Refusal));
        Assert.That(reason, Does.StartWith($"flowbp: {Refusal}; so tensors come from the project's own binding"));
        Assert.That(reason, Does.Contain("./flowbp setup tries it again"));
    }

    [Test]
    public void A_process_that_the_package_s_library_ends_is_a_reason_too()
    {
        tree.Fails("loading", "Fatal error. Internal CLR error. (0x80131506)");
        tree.Run("doctor").AssertRan("FlowBP", "the process that loads the library of tensors ends with code 1");
    }

    [Test]
    public void The_replacement_is_remembered()
    {
        tree.Fails("loading", $"flowbp: {Refusal}");
        tree.Run("doctor").AssertRan("FlowBP", Refusal);
        tree.TakeBuilds();
        var second = tree.Run("doctor");
        second.AssertRan("FlowBP", Refusal);
        Assert.That(second.Error, Is.Empty);
        Assert.That(tree.TakeBuilds(), Is.Empty);
    }

    [Test]
    public void Set_up_tries_the_package_again_and_says_what_came_of_it()
    {
        tree.Fails("loading", $"flowbp: {Refusal}");
        Assert.That(
            tree.Run("setup").LastLine,
            Does.EndWith($"tensors come from the project's own binding, since {Refusal}")
        );
        tree.Works("loading");
        Assert.That(tree.Run("setup").LastLine, Does.EndWith("tensors come from the TorchSharp package"));
        Assert.That(tree.Remembered, Does.Not.Exist);
        tree.Run("doctor").AssertRan("TorchSharp");
    }

    [Test]
    public void A_package_whose_files_changed_is_tried_again()
    {
        tree.Fails("loading", $"flowbp: {Refusal}");
        tree.Run("doctor").AssertRan("FlowBP", Refusal);
        tree.Works("loading");
        LauncherTree.Write(tree.Binding, "another binding");
        var run = tree.Run("doctor");
        run.AssertRan("TorchSharp");
        Assert.That(run.Lines[0], Does.Contain("files have changed"));
        Assert.That(tree.Remembered, Does.Not.Exist);
    }

    [Test]
    public void A_package_that_was_asked_for_is_never_replaced()
    {
        tree.Fails("loading", $"flowbp: {Refusal}");
        var run = tree.Run([("TorchProvider", "TorchSharp")], "doctor");
        Assert.That(run.Code, Is.EqualTo(1));
        Assert.That(run.LastLine, Is.EqualTo($"flowbp: {Refusal}"));
        Assert.That(tree.TakeBuilds(), Is.EqualTo(new[] { "TorchSharp build" }));
        Assert.That(tree.Remembered, Does.Not.Exist);
    }

    [Test]
    public void A_half_restored_package_is_replaced_with_the_build_s_own_words()
    {
        tree.Fails(
            "build.TorchSharp",
            "/tree/Directory.Build.targets(70,5): error FLOWBP001: /cache/libtorch_cpu.so is not there: the package"
                + " libtorch-cpu-linux-x64 2.10.0 is half restored; remove its folder in NuGet's cache and build again [/tree/a.csproj]"
        );
        var run = tree.Run("doctor");
        Assert.That(
            run.Output,
            Does.StartWith("ran FlowBP doctor instead of the package: /cache/libtorch_cpu.so is not there")
        );
        Assert.That(
            run.Lines,
            Has.One.StartsWith(
                "flowbp: /cache/libtorch_cpu.so is not there: the package libtorch-cpu-linux-x64 2.10.0 is half restored; remove"
                    + " its folder in NuGet's cache and build again; so tensors come from"
            )
        );
    }

    [Test]
    public void A_source_without_the_package_is_a_reason_to_do_without_it()
    {
        tree.Fails(
            "build.TorchSharp",
            "a.csproj : error NU1101: Unable to find package TorchSharp. No packages exist with this id in source(s): x"
        );
        var run = tree.Run("doctor");
        Assert.That(run.Output, Does.StartWith("ran FlowBP doctor instead of the package: "));
        Assert.That(run.Error, Does.Contain("can't be restored here (NU1101: Unable to find package TorchSharp"));
    }

    [Test]
    public void Without_a_network_the_own_binding_is_taken_where_only_the_package_is_lacking()
    {
        tree.Fails("build.TorchSharp", "a.csproj : error NU1301: Unable to load the service index for source x");
        var run = tree.Run("doctor");
        Assert.That(run.Output, Does.StartWith("ran FlowBP doctor instead of the package: "));
        Assert.That(tree.TakeBuilds(), Does.Contain("FlowBP restore"));
        Assert.That(run.Error, Does.Contain($"the TorchSharp package is not in {tree.Packages}"));
    }

    [Test]
    public void Without_a_network_and_without_packages_nothing_is_installed_or_compiled_in_vain()
    {
        const string Unreachable = "a.csproj : error NU1301: Unable to load the service index for source x";
        tree.Fails("build.TorchSharp", Unreachable);
        tree.Fails("restore.FlowBP", Unreachable);
        var run = tree.Run("setup");
        Assert.That(run.Code, Is.EqualTo(1));
        Assert.That(
            run.LastLine,
            Does.Contain("a source of packages can't be reached").And.Contain($"copy {tree.Packages} from one that")
        );
        Assert.That(tree.TakeBuilds(), Does.Not.Contain("cmake"));
        Assert.That(tree.Remembered, Does.Not.Exist);
    }

    [Test]
    public void Compile_errors_are_no_reason_to_change_the_provider()
    {
        tree.Fails("build.TorchSharp", "/tree/src/A.cs(1,2): error CS1002: ; expected [/tree/a.csproj]");
        var run = tree.Run("doctor");
        Assert.That(run.Code, Is.EqualTo(1));
        Assert.That(run.Error, Does.Contain("error CS1002").And.Contain("the program did not build; the whole log: "));
        Assert.That(tree.Remembered, Does.Not.Exist);
    }

    [TestCase("gone")]
    [TestCase("cut")]
    public void A_library_that_is_damaged_beside_the_program_is_built_in_again(string how)
    {
        tree.Run("doctor").AssertRan("TorchSharp");
        tree.TakeBuilds();
        var library = tree.Built("TorchSharp", "runtimes/linux-x64/native/libtorch_cpu.so");
        File.Delete(library);
        if (how == "cut")
        {
            File.WriteAllText(library, "op");
        }
        tree.Run("doctor").AssertRan("TorchSharp");
        Assert.That(tree.TakeBuilds(), Is.EqualTo(new[] { "TorchSharp build" }));
        Assert.That(File.ReadAllText(library), Is.EqualTo("operators"));
    }

    [TestCase("missing", "missing: cmake (Debian's names); install them with this system's package tool")]
    [TestCase("no right", "missing: cmake; install with: sudo apt-get update && sudo apt-get install -y cmake")]
    [TestCase("not to be had", "could not install cmake (Unable to locate package cmake; log: ")]
    [TestCase("another libtorch", "Torch_DIR is /nowhere, which holds no TorchConfig.cmake; correct or unset it")]
    public void Where_nothing_can_provide_tensors_one_line_has_both_reasons_and_remedies(string how, string own)
    {
        tree.Fails("loading", $"flowbp: {Refusal}");
        if (how != "another libtorch")
        {
            tree.RemoveTool("cmake");
        }
        if (how is "no right" or "not to be had")
        {
            tree.Script("apt-get", "#!/usr/bin/env bash\necho 'E: Unable to locate package cmake'\nexit 100\n");
            tree.RemoveTool("id");
            tree.Script("id", $"#!/usr/bin/env bash\necho {(how == "no right" ? 1000 : 0)}\n");
        }
        var run = tree.Run(how == "another libtorch" ? [("Torch_DIR", "/nowhere")] : [], "doctor");
        Assert.That(run.Code, Is.EqualTo(1));
        Assert.That(run.Output, Is.Empty);
        Assert.That(
            run.LastLine,
            Does.StartWith(
                    $"flowbp: nothing can provide tensors here. The TorchSharp package: {Refusal}. The project's"
                )
                .And.Contain($"own binding: {own}")
        );
        // The reason is not lost where the first failure was long ago.
        Assert.That(
            tree.Run(how == "another libtorch" ? [("Torch_DIR", "/nowhere")] : [], "doctor").LastLine,
            Is.EqualTo(run.LastLine)
        );
    }

    [Test]
    public void A_libtorch_that_the_own_binding_does_not_compile_against_is_named()
    {
        tree.Fails("cmake", "CMake Error at CMakeLists.txt:7: no such compiler");
        var run = tree.Run([("TorchProvider", "FlowBP")], "doctor");
        Assert.That(run.Code, Is.EqualTo(1));
        Assert.That(
            run.LastLine,
            Does.StartWith(
                $"flowbp: native/ did not build against {tree.Libtorch} (Torch_DIR), which LIBTORCH or Torch_DIR"
            )
        );
    }

    [Test]
    public void An_unknown_provider_is_wrong_usage() =>
        Assert.That(
            tree.Run([("TorchProvider", "PyTorch")], "doctor").AssertOneLine(2),
            Does.StartWith("flowbp: TorchProvider is 'PyTorch': expected TorchSharp").And.Contain("FlowBP")
        );
}
