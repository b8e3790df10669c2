namespace FlowBP.Torch.Tests;

/// <summary>A library that is not all there is known before the loader touches it.</summary>
public class ElfFileTests
{
    private string path = "";

    [SetUp]
    public void Name() => path = Path.GetTempFileName();

    [TearDown]
    public void Remove() => File.Delete(path);

    [Test]
    public void The_files_of_the_packages_are_whole(
        [Values("libLibTorchSharp.so", "libtorch_cpu.so", "libc10.so")] string name
    )
    {
        Assert.That(ElfFile.Damage(PackageFolder.Find(name)!), Is.Null);
    }

    [Test]
    public void A_library_that_breaks_off_anywhere_in_what_is_loaded_is_damaged()
    {
        var whole = File.ReadAllBytes(PackageFolder.Find("libc10.so")!);
        foreach (var length in new[] { 64, 65, 200, 4096, whole.Length / 2 })
        {
            File.WriteAllBytes(path, whole[..length]);
            Assert.That(ElfFile.Damage(path), Does.StartWith($"it breaks off after {length} bytes"));
        }
    }

    [Test]
    public void What_is_no_library_is_said_to_be_none()
    {
        Assert.That(ElfFile.Damage(path), Is.EqualTo("it is no shared library (0 bytes)"));
        File.WriteAllText(path, "version https://git-lfs.github.com/spec/v1\n" + new string('x', 100));
        Assert.That(ElfFile.Damage(path), Is.EqualTo("it is no shared library (143 bytes)"));
    }

    [Test]
    public void Sizes_that_no_file_has_are_damage()
    {
        var file = new byte[64 + 56];
        "\u007FELF\u0002\u0001"u8.CopyTo(file);
        VersionedLibrary.Put64(file, 0x20, 64);
        VersionedLibrary.Put16(file, 0x36, 56);
        VersionedLibrary.Put16(file, 0x38, 1);
        VersionedLibrary.Put32(file, 64, 1);
        foreach (
            var (begin, bytes) in new (ulong, ulong)[] { (0, ulong.MaxValue), (ulong.MaxValue, 1), (120, 1), (1, 120) }
        )
        {
            VersionedLibrary.Put64(file, 64 + 8, begin);
            VersionedLibrary.Put64(file, 64 + 32, bytes);
            File.WriteAllBytes(path, file);
            Assert.That(ElfFile.Damage(path), Does.StartWith("it breaks off after 120 bytes"));
        }
        VersionedLibrary.Put64(file, 64 + 8, 20);
        VersionedLibrary.Put64(file, 64 + 32, 100);
        File.WriteAllBytes(path, file);
        Assert.That(ElfFile.Damage(path), Is.Null);
    }

    [Test]
    public void A_file_that_is_not_there_is_named() =>
        Assert.That(ElfFile.Damage(path + ".none"), Does.Contain(".none"));
}
