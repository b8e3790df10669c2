// The order in which NVRTC is looked for, with folders made for the purpose. Nothing is loaded.

namespace FlowBP.Cuda.Tests;

public class NvrtcPlacesTests
{
    private readonly Dictionary<string, string> variables = [];
    private TemporaryFolder folder = null!;

    [SetUp]
    public void SetUp()
    {
        variables.Clear();
        folder = new TemporaryFolder();
    }

    [TearDown]
    public void TearDown() => folder.Dispose();

    [Test]
    public void A_file_that_is_asked_for_is_the_only_place()
    {
        var file = folder.File("somewhere/libnvrtc.so.12");
        var loaded = folder.File("loaded/libnvrtc.so.13");
        variables["FLOWBP_NVRTC"] = file;

        Assert.That(Paths(loaded), Is.EqualTo([file]));
    }

    [Test]
    public void A_folder_that_is_asked_for_gives_its_newest_release_first_and_no_other_place()
    {
        string[] files =
        [
            folder.File("asked/libnvrtc.so.13"),
            folder.File("asked/libnvrtc.so.12"),
            folder.File("asked/libnvrtc.so.11.2"),
            folder.File("asked/libnvrtc.so"),
        ];
        folder.File("asked/libnvrtc-builtins.so.13.0");
        folder.File("asked/libnvrtc.alt.so.12");
        variables["FLOWBP_NVRTC"] = folder.Path("asked");

        Assert.That(Paths(), Is.EqualTo(files));
    }

    [Test]
    public void A_folder_that_is_asked_for_in_vain_is_named_and_nothing_else_is_tried()
    {
        variables["FLOWBP_NVRTC"] = folder.Path("absent");

        var places = Places().ToList();

        Assert.That(places, Has.Count.EqualTo(1));
        Assert.That(places[0], Is.EqualTo(new NvrtcPlace("FLOWBP_NVRTC", folder.Path("absent"), IsFound: false)));
    }

    [Test]
    public void The_loaded_image_comes_before_the_system_and_the_system_before_toolkit_and_packages()
    {
        var loaded = folder.File("loaded/libnvrtc.so.12");
        var toolkit = folder.File("toolkit/lib64/libnvrtc.so.11.2");
        var package = folder.File("environment/lib/python3.12/site-packages/nvidia/cuda_nvrtc/lib/libnvrtc.so.12");
        variables["CUDA_HOME"] = folder.Path("toolkit");
        variables["VIRTUAL_ENV"] = folder.Path("environment");

        var found = Found("/usr/lib/libc.so.6", loaded);

        Assert.That(
            found,
            Is.EqualTo(
                (string[])
                    [loaded, "libnvrtc.so.13", "libnvrtc.so.12", "libnvrtc.so.11.2", "libnvrtc.so", toolkit, package]
            )
        );
    }

    [Test]
    public void Packages_beside_the_loaded_libtorch_come_before_those_of_an_environment_and_newer_ones_first()
    {
        var torch = folder.File("a/lib/python3.11/site-packages/torch/lib/libtorch_cpu.so");
        var bundled = folder.File("a/lib/python3.11/site-packages/torch/lib/libnvrtc-672ee683.so.11.2");
        var beside13 = folder.File("a/lib/python3.11/site-packages/nvidia/cu13/lib/libnvrtc.so.13");
        var beside12 = folder.File("a/lib/python3.11/site-packages/nvidia/cuda_nvrtc/lib/libnvrtc.so.12");
        var newer = folder.File("b/lib/python3.12/site-packages/nvidia/cuda_nvrtc/lib/libnvrtc.so.12");
        var older = folder.File("b/lib/python3.9/site-packages/nvidia/cuda_nvrtc/lib/libnvrtc.so.12");
        var user = folder.File("home/.local/lib/python3.12/site-packages/nvidia/cu13/lib/libnvrtc.so.13");
        variables["VIRTUAL_ENV"] = folder.Path("b");
        variables["HOME"] = folder.Path("home");

        var found = Found(torch).Where(Path.IsPathRooted);

        Assert.That(found, Is.EqualTo((string[])[bundled, beside13, beside12, newer, older, user]));
    }

    [Test]
    public void Packages_of_the_python_on_the_path_are_found_through_its_link()
    {
        var package = folder.File("python/lib/python3.13/site-packages/nvidia/cu13/lib/libnvrtc.so.13");
        var program = folder.File("python/bin/python3.13");
        Directory.CreateDirectory(folder.Path("bin"));
        File.CreateSymbolicLink(folder.Path("bin/python3"), program);
        variables["PATH"] = $"{folder.Path("nowhere")}:{folder.Path("bin")}";

        Assert.That(Found().Where(Path.IsPathRooted), Is.EqualTo([package]));
    }

    private IEnumerable<NvrtcPlace> Places(params string[] loaded) =>
        new NvrtcPlaces(name => variables.GetValueOrDefault(name), loaded)
            .InOrder()
            // What this machine itself may have.
            .Where(place =>
                !place.Path.StartsWith("/usr/local/cuda", StringComparison.Ordinal)
                && !place.Path.StartsWith("/usr/local/lib", StringComparison.Ordinal)
            );

    private string[] Paths(params string[] loaded) => [.. Places(loaded).Select(place => place.Path)];

    private string[] Found(params string[] loaded) =>
        [.. Places(loaded).Where(place => place.IsFound).Select(place => place.Path)];
}
