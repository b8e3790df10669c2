namespace FlowBP.Torch.Tests;

/// <summary>One byte of a library is changed, or none; whatever the bytes are, nothing else happens.</summary>
public class SymbolVersionsTests
{
    private const string Name = "GLIBCXX_3.4.32";

    // As the linker writes it: `readelf -V` of a library that needs that version shows it.
    private const uint Hash = 0x0297_F842;

    [Test]
    public void Only_the_flags_of_the_named_version_change([Values(0, 1, 2)] int library, [Values(0, 1)] int version)
    {
        var hashes = Enumerable.Range(1, 6).Select(i => (uint)i).ToArray();
        hashes[(2 * library) + version] = Hash;
        var before = VersionedLibrary.WithVersions(hashes);
        var after = (byte[])before.Clone();

        var changed = SymbolVersions.MakeWeak(after, Name);

        Assert.That(changed, Is.EqualTo(VersionedLibrary.Versions(library) + (16 * version) + 4));
        Assert.That(after[changed], Is.EqualTo(2));
        after[changed] = 0;
        Assert.That(after, Is.EqualTo(before));
    }

    [Test]
    public void In_the_file_of_the_package_it_is_one_byte_and_the_known_one()
    {
        var file = File.ReadAllBytes(PackageFolder.Find(PackageFolder.Binding)!);
        var before = (byte[])file.Clone();
        Assert.That(SymbolVersions.MakeWeak(file, Name), Is.EqualTo(260660));
        Assert.That(
            file.Index().Where(item => item.Item != before[item.Index]),
            Is.EqualTo(new[] { (260660, (byte)2) })
        );
    }

    [Test]
    public void A_version_that_is_not_needed_changes_nothing()
    {
        AssertUnchanged(VersionedLibrary.WithVersions(1, 2, 3, 4));
        AssertUnchanged(VersionedLibrary.WithVersions());
    }

    [Test]
    public void What_is_no_little_endian_library_of_64_bits_changes_nothing()
    {
        AssertUnchanged([]);
        AssertUnchanged("no library"u8.ToArray());
        AssertUnchanged(new byte[4096]);
        foreach (var at in new[] { 0, 3, 4, 5 })
        {
            var file = VersionedLibrary.WithVersions(Hash, 2);
            file[at]++;
            AssertUnchanged(file);
        }
    }

    [Test]
    public void A_file_that_breaks_off_changes_nothing_until_the_entry_is_whole()
    {
        var whole = VersionedLibrary.WithVersions(1, 2, 3, Hash);
        for (var length = 0; length < whole.Length; length++)
        {
            AssertUnchanged(whole[..length]);
        }
        Assert.That(SymbolVersions.MakeWeak(whole, Name), Is.Positive);
    }

    [Test]
    public void Offsets_out_of_the_file_change_nothing(
        [Values(0x28, 64 + 0x18)] int field,
        [Values(1UL << 31, (1UL << 31) - 8, ulong.MaxValue, ulong.MaxValue - 63, 1UL << 63, 200UL)] ulong offset
    )
    {
        var file = VersionedLibrary.WithVersions(1, Hash);
        VersionedLibrary.Put64(file, field, offset);
        AssertUnchanged(file);
    }

    [Test]
    public void Distances_out_of_the_file_change_nothing(
        [Values(8, 12, 16 + 12)] int field,
        [Values(uint.MaxValue, 1u << 31, 4096u)] uint distance
    )
    {
        var file = VersionedLibrary.WithVersions(1, 2, 3, Hash);
        VersionedLibrary.Put32(file, VersionedLibrary.Needs + field, distance);
        // What stands behind a wrong distance is not reached; what stands elsewhere may be.
        var changed = SymbolVersions.MakeWeak(file, Name);
        Assert.That(changed, Is.EqualTo(-1).Or.EqualTo(VersionedLibrary.Versions(1) + 16 + 4));
    }

    // One byte further at a time, each chain has as many entries as the file has bytes, and there are as many chains: without a
    // bound this test does not end.
    [Test]
    public void Chains_that_overlap_come_to_an_end()
    {
        var file = VersionedLibrary.WithVersions(new uint[40_000]);
        for (var at = VersionedLibrary.Needs; at + 4 <= file.Length; at += 4)
        {
            VersionedLibrary.Put32(file, at, 4);
        }
        AssertUnchanged(file);
    }

    [Test]
    public void Any_bytes_behind_the_magic_number_change_at_most_one_bit([Range(1, 200)] int seed)
    {
        var random = new Random(seed);
        var file = VersionedLibrary.WithVersions(1, 2, Hash, 4, 5, Hash);
        for (var change = 0; change < 1 + (seed % 12); change++)
        {
            file[random.Next(6, file.Length)] = (byte)random.Next(256);
        }
        var before = (byte[])file.Clone();
        var changed = SymbolVersions.MakeWeak(file, Name);
        if (changed >= 0)
        {
            Assert.That(file[changed], Is.EqualTo(before[changed] | 2));
            file[changed] = before[changed];
        }
        Assert.That(file, Is.EqualTo(before));
    }

    private static void AssertUnchanged(byte[] file)
    {
        var before = (byte[])file.Clone();
        Assert.That(SymbolVersions.MakeWeak(file, Name), Is.EqualTo(-1));
        Assert.That(file, Is.EqualTo(before));
    }
}
