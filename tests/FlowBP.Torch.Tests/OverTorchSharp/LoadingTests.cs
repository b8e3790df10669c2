// Each in a process of its own: a library that is loaded stays loaded, and a failure that is none of .NET's ends the process.

using System.Diagnostics;

namespace FlowBP.Torch.Tests;

/// <summary>Whatever is wrong with the libraries is one line that names the thing and the remedy, and never a signal.</summary>
public class LoadingTests
{
    private const string Load = "load";
    private const string Plain = "plain";
    private const string Binding = "libLibTorchSharp.so";

    private LoadingProgram program = null!;

    [SetUp]
    public void Lay() => program = new();

    [TearDown]
    public void Remove() => program.Dispose();

    [TestCase(Load)]
    [TestCase(Plain)]
    public void With_complete_packages_a_program_computes(string mode)
    {
        var ending = program.Run(libraryPath: null, mode);
        Assert.That(ending.Output, Does.StartWith("sum 6\n"), ending.Error);
        Assert.That(ending.Code, Is.Zero);
    }

    [TestCase("libtorch_cpu.so")]
    [TestCase("libc10.so")]
    [TestCase("libtorch.so")]
    [TestCase("libgomp-98b21ff3.so.1")]
    [TestCase(Binding)]
    public void A_package_that_lacks_a_library_is_named_with_the_remedy(string missing)
    {
        program.Remove(missing);
        AssertRefused(program.Run(libraryPath: null, Load), missing, "half restored", "NuGet's cache");
    }

    [Test]
    public void Where_no_package_is_restored_all_that_is_missing_is_named()
    {
        Directory.Delete(program.Natives, recursive: true);
        AssertRefused(
            program.Run(libraryPath: null, Load),
            Binding,
            "libtorch_cpu.so",
            "libc10.so",
            "libtorch-cpu-linux-x64 2.10.0"
        );
    }

    [TestCase("libtorch_cpu.so", 0)]
    [TestCase("libtorch_cpu.so", 100)]
    [TestCase("libtorch_cpu.so", 5_000_000)]
    [TestCase("libc10.so", 700_000)]
    [TestCase(Binding, 1_200_000)]
    public void A_library_whose_download_broke_off_is_named_with_the_remedy(string library, int length)
    {
        program.ReplaceLibrary(library, program.Bytes(library, length));
        AssertRefused(program.Run(libraryPath: null, Load), library, $"{length} bytes", "NuGet's cache");
    }

    [Test]
    public void A_library_that_is_not_the_known_file_is_not_changed_but_refused()
    {
        RequireOldSystem();
        var bytes = program.Bytes(Binding);
        bytes[^1] ^= 1;
        program.ReplaceLibrary(Binding, bytes);
        AssertRefused(
            program.Run(libraryPath: null, Load),
            "is not the file of TorchSharp 0.107.0",
            "GLIBCXX_3.4.32",
            "update libstdc++",
            "TorchProvider=FlowBP"
        );
    }

    [Test]
    public void Plain_TorchSharp_code_is_told_the_same_reason()
    {
        RequireOldSystem();
        var bytes = program.Bytes(Binding);
        bytes[^1] ^= 1;
        program.ReplaceLibrary(Binding, bytes);
        var ending = program.Run(libraryPath: null, Plain);
        Assert.That(ending.Code, Is.EqualTo(1), ending.Error);
        Assert.That(ending.Error, Does.Contain("is not the file of TorchSharp 0.107.0"));
    }

    [Test]
    public void A_libtorch_of_a_later_release_that_is_loaded_first_is_refused_with_both_releases()
    {
        var other = OtherLibtorch();
        AssertRefused(
            program.Run(libraryPath: null, Load, other),
            other,
            "libtorch 2.10",
            "2.14.0",
            "TorchProvider=FlowBP"
        );
    }

    [Test]
    public void A_libtorch_of_an_earlier_release_that_is_loaded_first_is_refused_with_both_releases()
    {
        const string Debians = "/usr/lib/x86_64-linux-gnu/libtorch_cpu.so.1.13";
        if (!File.Exists(Debians))
        {
            Assert.Ignore("Debian's libtorch 1.13 is not installed");
        }
        AssertRefused(
            program.Run(libraryPath: null, Load, Debians),
            "libtorch_cpu.so.1.13",
            "libtorch 2.10",
            "before 2.2",
            "TorchProvider=FlowBP"
        );
    }

    [Test]
    public void Where_another_libtorch_is_loaded_since_the_package_lacks_its_own_that_is_said()
    {
        program.Remove("libtorch_cpu.so");
        AssertRefused(
            program.Run(libraryPath: null, Load, OtherLibtorch()),
            "libtorch 2.10",
            "2.14.0",
            "libtorch_cpu.so is not beside the program",
            "half restored"
        );
    }

    [Test]
    public void A_libtorch_on_the_library_path_is_passed_over_for_the_package_s()
    {
        var other = OtherLibtorch();
        var ending = program.Run(Path.GetDirectoryName(other), Load);
        Assert.That(ending.Output, Does.StartWith("sum 6\n"), ending.Error);
        Assert.That(ending.Code, Is.Zero);
    }

    private static void AssertRefused(Ending ending, params string[] parts)
    {
        Assert.That(ending.Code, Is.EqualTo(1), ending.Error + ending.Output);
        Assert.That(ending.Output, Is.Empty);
        Assert.That(ending.Error.TrimEnd('\n'), Is.Not.Empty.And.Not.Contain("\n"));
        Assert.Multiple(() =>
        {
            foreach (var part in parts)
            {
                Assert.That(ending.Error, Does.Contain(part));
            }
        });
    }

    private void RequireOldSystem()
    {
        if (program.Run(libraryPath: null, Load).Output.Contains("remedy none", StringComparison.Ordinal))
        {
            Assert.Ignore("this system's libstdc++ is new enough: the package's library is loaded as it is");
        }
    }

    // A library of that name that says it is libtorch 2.14, and can nothing else.
    private string OtherLibtorch()
    {
        var library = Path.Combine(program.Elsewhere, "libtorch_cpu.so");
        var source = Path.Combine(program.Elsewhere, "other.c");
        File.WriteAllText(source, "unsigned long aoti_torch_abi_version(void) { return 2ul << 56 | 14ul << 48; }\n");
        try
        {
            using var compiler = Process.Start(
                "cc",
                ["-shared", "-fPIC", "-Wl,-soname,libtorch_cpu.so", "-o", library, source]
            );
            compiler.WaitForExit();
            Assert.That(compiler.ExitCode, Is.Zero);
        }
        catch (System.ComponentModel.Win32Exception)
        {
            Assert.Ignore("no C compiler (cc) to make a library of another release with");
        }
        return library;
    }
}
