// Which NVRTC is taken and what is said of those that are not.

namespace FlowBP.Cuda.Tests;

public class NvrtcLibraryTests
{
    [Test]
    public void What_is_found_has_builtins_of_its_own_release_and_stays_the_one_of_the_process()
    {
        var library = Requirement.Compiler().Library;

        Assert.That(File.Exists(library.Path), library.Path);
        Assert.That(
            Path.GetFileName(library.BuiltinsPath),
            Does.StartWith($"libnvrtc-builtins.so.{library.Version.Major}.{library.Version.Minor}")
        );
        Assert.That(library.SupportedArchitectures, Is.Ordered.By(nameof(ComputeCapability.Number)).And.Not.Empty);
        Assert.That(NvrtcLibrary.TryFind(out var again, out _), Is.True);
        Assert.That(again, Is.SameAs(library));
    }

    [Test]
    public void A_release_newer_than_the_driver_is_refused_with_both_versions()
    {
        var library = Requirement.Compiler().Library;

        var found = NvrtcLibrary.TryFind(
            out var refused,
            out var reason,
            driver: new Version(library.Version.Major - 1, 2)
        );

        Assert.That(found, Is.False);
        Assert.That(refused, Is.Null);
        Assert.That(
            reason,
            Does.Contain($"NVRTC {library.Version}")
                .And.Contain($"CUDA {library.Version.Major - 1}.2")
                .And.Contain("FLOWBP_NVRTC")
        );
    }

    [Test]
    public void Where_there_is_none_every_place_and_its_objection_is_told()
    {
        using var folder = new TemporaryFolder();
        var noLibrary = folder.File("libnvrtc.so.12");
        var places = new NvrtcPlaces(name => name == "FLOWBP_NVRTC" ? noLibrary : null, []);

        var found = NvrtcLibrary.Find(places, driver: null, out var reason);

        Assert.That(found, Is.Null);
        Assert.That(
            reason,
            Does.Contain($"{noLibrary} (FLOWBP_NVRTC): ").And.Contain("libnvrtc11.2").And.Contain("file too short")
        );
    }

    [Test]
    public void A_library_that_is_not_nvrtc_is_told_from_it()
    {
        using var folder = new TemporaryFolder();
        var source = folder.Path("other.c");
        File.WriteAllText(source, "int other(void) { return 0; }\n");
        var other = folder.Path("libnvrtc.so.12");
        CCompiler.SharedLibrary(source, other);

        NvrtcLibrary.Find(new(name => name == "FLOWBP_NVRTC" ? other : null, []), driver: null, out var reason);

        Assert.That(reason, Does.Contain($"{other} (FLOWBP_NVRTC): it is not NVRTC"));
    }

    [Test]
    public void An_nvrtc_without_its_builtins_is_refused_and_says_which_file_is_missing()
    {
        using var folder = new TemporaryFolder();
        var path = Fake(folder, major: 99, minor: 7);

        NvrtcLibrary.Find(new(name => name == "FLOWBP_NVRTC" ? path : null, []), driver: null, out var reason);

        Assert.That(reason, Does.Contain("it is NVRTC 99.7, but its libnvrtc-builtins.so.99.7 is neither beside it"));
    }

    [Test]
    public void A_release_newer_than_the_driver_is_passed_over_before_it_is_bound()
    {
        using var folder = new TemporaryFolder();
        var path = Fake(folder, major: 99, minor: 7);

        NvrtcLibrary.Find(
            new(name => name == "FLOWBP_NVRTC" ? path : null, []),
            driver: new Version(12, 4),
            out var reason
        );

        Assert.That(reason, Does.Contain("it is NVRTC 99.7, too new for a driver of CUDA 12.4"));
    }

    [Test]
    public void Builtins_are_taken_from_the_librarys_own_folder_even_through_a_link()
    {
        using var folder = new TemporaryFolder();
        var source = folder.Path("builtins.c");
        File.WriteAllText(source, "int builtins(void) { return 0; }\n");
        Directory.CreateDirectory(folder.Path("real"));
        CCompiler.SharedLibrary(source, folder.Path("real/libnvrtc-builtins.so.98.1"));
        var library = folder.File("real/libnvrtc.so.98");
        Directory.CreateDirectory(folder.Path("elsewhere"));
        File.CreateSymbolicLink(folder.Path("elsewhere/libnvrtc.so"), library);

        var builtins = NvrtcLibrary.LoadBuiltins(folder.Path("elsewhere/libnvrtc.so"), new(98, 1), out _);

        Assert.That(builtins, Is.EqualTo(folder.Path("real/libnvrtc-builtins.so.98.1")));
    }

    private static string Fake(TemporaryFolder folder, int major, int minor)
    {
        var source = folder.Path("fake.c");
        File.WriteAllText(
            source,
            $$"""
            int nvrtcVersion(int* major, int* minor) { *major = {{major}}; *minor = {{minor}}; return 0; }
            int nvrtcGetSupportedArchs(int* architectures) { return 0; }
            """
        );
        var path = folder.Path("libnvrtc.so.99");
        CCompiler.SharedLibrary(source, path);
        return path;
    }
}
