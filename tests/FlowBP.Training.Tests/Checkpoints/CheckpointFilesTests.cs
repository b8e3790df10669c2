using System.Text.Json;
using FlowBP.Formats;
using FlowBP.Tests.Misfits;
using FlowBP.Training.Checkpoints;

namespace FlowBP.Training.Tests.Checkpoints;

/// <summary>A checkpoint is read as a whole or refused by name, whatever became of its files.</summary>
public sealed class CheckpointFilesTests
{
    private const int Mutations = 1000;

    private static readonly string s_shard = new ShardPlace(3, 1, 2).FileName;

    private TemporaryFolder folder = null!;
    private CheckpointFolders folders = null!;

    [SetUp]
    public void Save()
    {
        folder = new();
        folders = new(folder.Path);
        KilledSaving.Save(folders, 3);
    }

    [TearDown]
    public void DeleteFolder() => folder.Dispose();

    [Test]
    public void What_is_read_is_what_was_written_by_all_ranks()
    {
        using var stored = StoredCheckpoint.Open(folders.Of(3));
        var written = KilledSaving.Manifest(3, ranks: 2) with { Files = stored.Manifest.Files };
        Assert.That(stored.Manifest.ToJson(), Is.EqualTo(written.ToJson()));
        Assert.That(
            stored.Manifest.Files.Select(file => file.Name),
            Is.EqualTo(new[] { new ShardPlace(3, 0, 2).FileName, s_shard })
        );
        Assert.That(stored.Manifest.Alarm!.BestScores, Is.EqualTo(new[] { 0.25, 1.0 / 3 }), "to the last bit");
        using var shards = StateShards.Open(folders.Of(3), stored.Manifest);
        using var values = shards.Load("parameter/1");
        Assert.That(TensorValues.Numbers(values), Is.All.EqualTo(3));
        Assert.That(shards.Names, Is.EquivalentTo(new[] { "parameter/0", "parameter/1" }));
    }

    [TestCase("missing", "is missing")]
    [TestCase("truncated", "it is truncated")]
    [TestCase("longer", "expected")]
    [TestCase("flipped", "is damaged")]
    [TestCase("other step", "is of step 4, expected step 3")]
    [TestCase("other rank", "is of rank 0, expected rank 1")]
    public void A_shard_that_is_not_the_one_that_was_written_is_named(string what, string said)
    {
        var file = Path.Combine(folders.Of(3), s_shard);
        var bytes = File.ReadAllBytes(file);
        switch (what)
        {
            case "missing":
                File.Delete(file);
                break;
            case "truncated":
                File.WriteAllBytes(file, bytes[..^5]);
                break;
            case "longer":
                File.WriteAllBytes(file, [.. bytes, 0]);
                break;
            case "flipped":
                bytes[^9] ^= 4;
                File.WriteAllBytes(file, bytes);
                break;
            case "other step":
                KilledSaving.Save(folders, 4);
                Vouch(Path.Combine(folders.Of(4), new ShardPlace(4, 1, 2).FileName), file);
                break;
            default:
                Vouch(Path.Combine(folders.Of(3), new ShardPlace(3, 0, 2).FileName), file);
                break;
        }
        Assert.That(
            () => StoredCheckpoint.Open(folders.Of(3)),
            Throws.InstanceOf<CheckpointException>().With.Message.Contains(s_shard).And.Message.Contains(said)
        );
    }

    [Test]
    public void A_checkpoint_under_another_steps_name_is_refused()
    {
        Directory.Move(folders.Of(3), folders.Of(5));
        Assert.That(
            () => StoredCheckpoint.Open(folders.Of(5)),
            Throws.InstanceOf<CheckpointException>().With.Message.Contains("of step 3, under another's name")
        );
    }

    [Test]
    public void A_folder_without_a_manifest_is_no_checkpoint()
    {
        File.Delete(Path.Combine(folders.Of(3), CheckpointManifest.FileName));
        Assert.That(
            () => folders.OpenNewest(notice: null),
            Throws.InstanceOf<CheckpointException>().With.Message.Contains("no complete checkpoint")
        );
        Assert.That(new CheckpointFolders(folder.Of("none")).OpenNewest(notice: null), Is.Null);
    }

    [Test]
    public void No_change_of_a_manifest_passes_or_surprises()
    {
        var file = Path.Combine(folders.Of(3), CheckpointManifest.FileName);
        AssertRefused(file, File.ReadAllBytes(file), () => CheckpointManifest.Read(folders.Of(3)), s_manifest);
    }

    // As a damaged file that vouches for itself: nothing but the form is left to find it.
    [Test]
    public void No_change_of_a_manifests_content_surprises()
    {
        var file = Path.Combine(folders.Of(3), CheckpointManifest.FileName);
        var content = KilledSaving.Manifest(3, ranks: 2) with { Files = CheckpointManifest.Read(folders.Of(3)).Files };
        var text = JsonDocument.Parse(content.ToJson()).RootElement.GetProperty("checkpoint").GetRawText();
        var random = new Random(11);
        var refused = 0;
        for (var i = 0; i < Mutations; i++)
        {
            var changed = System.Text.Encoding.UTF8.GetString(
                Changed(System.Text.Encoding.UTF8.GetBytes(text), random)
            );
            var hash = Convert.ToHexStringLower(
                System.Security.Cryptography.SHA256.HashData(System.Text.Encoding.UTF8.GetBytes(changed))
            );
            File.WriteAllText(file, $"{{\"sha256\": \"{hash}\", \"checkpoint\": {changed}}}");
            try
            {
                StoredCheckpoint.Open(folders.Of(3)).Dispose();
            }
            catch (CheckpointException)
            {
                refused++;
            }
        }
        Assert.That(refused, Is.GreaterThan(Mutations / 2));
    }

    [Test]
    public void No_change_of_a_shard_passes_or_surprises()
    {
        var file = Path.Combine(folders.Of(3), s_shard);
        // Small, so that a change meets the header as often as the values.
        using var values = torch.full([8], 3, ScalarType.Float32);
        StateShards.Write(folders.Of(3), new(3, 1, 2), new Dictionary<string, Tensor> { ["parameter/1"] = values });
        var manifest = CheckpointManifest.Read(folders.Of(3));
        File.Copy(file, folder.Of("shard"));
        Vouch(folder.Of("shard"), file);
        AssertRefused(file, File.ReadAllBytes(file), () => StoredCheckpoint.Open(folders.Of(3)).Dispose(), s_anything);
        // Without the hash, as whoever reads the shards alone.
        var random = new Random(5);
        var bytes = File.ReadAllBytes(folder.Of("shard"));
        for (var i = 0; i < Mutations; i++)
        {
            File.WriteAllBytes(file, Changed(bytes, random));
            try
            {
                StateShards.Open(folders.Of(3), manifest).Dispose();
            }
            catch (CheckpointException)
            {
                // By name: all that is asked for.
            }
        }
    }

    [Test]
    public void Others_files_in_a_checkpoint_that_goes_stay()
    {
        var note = Path.Combine(folders.Of(3), "note.txt");
        File.WriteAllText(note, "mine");
        KilledSaving.Save(folders, 4);
        KilledSaving.Save(folders, 5);
        folders.Prune(limit: 2, written: 5, best: null);
        Assert.That(Directory.GetFileSystemEntries(folders.Of(3)), Is.EqualTo(new[] { note }));
        folders.Prune(limit: 1, written: 5, best: 4);
        Assert.That(folders.Steps(), Is.EqualTo(new[] { 3, 4, 5 }), "neither the best nor the newest goes");
        folders.Prune(limit: 1, written: 5, best: null);
        Assert.That(folders.Steps(), Is.EqualTo(new[] { 3, 5 }));
        // In the place of one that somebody wrote to.
        File.WriteAllText(Path.Combine(folders.Of(5), "note.txt"), "mine too");
        KilledSaving.Save(folders, 5);
        StoredCheckpoint.Open(folders.Of(5)).Dispose();
        Assert.That(File.ReadAllText($"{folders.Of(5)}.kept/note.txt"), Is.EqualTo("mine too"));
    }

    [TestCase("full")]
    [TestCase("read-only")]
    public void A_disk_that_takes_no_more_leaves_what_is_there(string kind)
    {
        var disk = folder.Of("disk");
        Directory.CreateDirectory(disk);
        if (!Runs("mount", "-t", "tmpfs", "-o", "size=300k", "none", disk))
        {
            Assert.Ignore("no file system can be mounted here");
        }
        try
        {
            var there = new CheckpointFolders(disk);
            KilledSaving.Save(there, 1);
            if (kind == "full")
            {
                // 160 kB of two shards do not fit a second time.
                Assert.That(
                    () => KilledSaving.Save(there, 2),
                    Throws.InstanceOf<CheckpointException>().With.Message.Contains("cannot be written")
                );
            }
            else
            {
                Assert.That(Runs("mount", "-o", "remount,ro", disk));
                Assert.That(
                    () => KilledSaving.Save(there, 2),
                    Throws.InstanceOf<CheckpointException>().With.Message.Contains("cannot be written")
                );
            }
            Assert.That(Directory.GetFileSystemEntries(disk), Is.EqualTo(new[] { there.Of(1) }));
            StoredCheckpoint.Open(there.Of(1)).Dispose();
        }
        finally
        {
            Runs("umount", disk);
        }
    }

    private static readonly Func<byte[], byte[], bool> s_anything = (_, _) => true;

    // Spaces between the two entries mean nothing.
    private static readonly Func<byte[], byte[], bool> s_manifest = (before, after) =>
        !JsonOf(before).Equals(JsonOf(after), StringComparison.Ordinal);

    private static string JsonOf(byte[] bytes)
    {
        try
        {
            using var json = JsonDocument.Parse(System.Text.Encoding.UTF8.GetString(bytes));
            return string.Join(
                '\n',
                json.RootElement.EnumerateObject().Select(each => $"{each.Name}={each.Value.GetRawText()}")
            );
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException)
        {
            return "none";
        }
    }

    private static void AssertRefused(string file, byte[] bytes, Action read, Func<byte[], byte[], bool> isOther)
    {
        var random = new Random(3);
        for (var i = 0; i < Mutations; i++)
        {
            var changed = Changed(bytes, random);
            if (changed.AsSpan().SequenceEqual(bytes) || !isOther(bytes, changed))
            {
                continue;
            }
            File.WriteAllBytes(file, changed);
            Assert.That(() => read(), Throws.InstanceOf<CheckpointException>(), $"case {i}");
        }
        File.WriteAllBytes(file, bytes);
    }

    private static byte[] Changed(byte[] bytes, Random random)
    {
        var changed = (byte[])bytes.Clone();
        var at = random.Next(bytes.Length);
        return random.Next(5) switch
        {
            0 => Flipped(),
            1 => changed[..at],
            2 => [.. changed[..at], .. changed[Math.Min(bytes.Length, at + random.Next(1, 20))..]],
            3 => [.. changed[..at], .. changed[random.Next(bytes.Length)..]],
            _ => Replaced(),
        };

        byte[] Flipped()
        {
            changed[at] ^= (byte)(1 << random.Next(8));
            return changed;
        }

        byte[] Replaced()
        {
            changed[at] = (byte)"0123456789-\"{}[],:nulltrue"[random.Next(26)];
            return changed;
        }
    }

    // Puts a file in another's place and has the manifest vouch for it.
    private void Vouch(string from, string to)
    {
        File.Copy(from, to, overwrite: true);
        var manifest = CheckpointManifest.Read(folders.Of(3));
        var hashes = new FileHashes();
        var vouched = manifest with
        {
            Files = [.. manifest.Files.Select(file => hashes.Of(Path.Combine(folders.Of(3), file.Name), file.Name))],
        };
        File.WriteAllText(Path.Combine(folders.Of(3), CheckpointManifest.FileName), vouched.ToJson());
    }

    private static bool Runs(string program, params string[] arguments)
    {
        try
        {
            using var process = System.Diagnostics.Process.Start(
                new System.Diagnostics.ProcessStartInfo(program, arguments) { RedirectStandardError = true }
            )!;
            process.WaitForExit();
            return process.ExitCode == 0;
        }
        catch (System.ComponentModel.Win32Exception)
        {
            return false;
        }
    }
}
