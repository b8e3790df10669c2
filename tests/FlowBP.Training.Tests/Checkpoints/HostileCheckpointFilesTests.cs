// Checkpoints that fuzzing found a way with, one of each kind: links, names that look like leftovers, numbers that no run has.

using System.Text.Json;
using FlowBP.Formats;
using FlowBP.Tests.Misfits;
using FlowBP.Training.Checkpoints;

namespace FlowBP.Training.Tests.Checkpoints;

public sealed class HostileCheckpointFilesTests
{
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

    // A link may lead anywhere: what it leads to is neither read as a part of the checkpoint nor deleted with it.
    [TestCase("file")]
    [TestCase("folder")]
    public void A_link_in_a_checkpoint_is_refused_and_what_it_leads_to_stays(string what)
    {
        var elsewhere = folder.Of("elsewhere");
        var state = Path.Combine(folders.Of(3), CheckpointManifest.StateFolder);
        var link = what == "file" ? Path.Combine(folders.Of(3), s_shard) : state;
        if (what == "file")
        {
            File.Move(link, elsewhere);
            File.CreateSymbolicLink(link, elsewhere);
        }
        else
        {
            Directory.Move(state, elsewhere);
            Directory.CreateSymbolicLink(state, elsewhere);
            Directory.CreateDirectory(Path.Combine(elsewhere, "empty"));
        }
        string[] there =
        [
            .. FolderEntries
                .FilesBelow(folder.Path)
                .Where(file => file.StartsWith(elsewhere, StringComparison.Ordinal)),
        ];
        Assert.That(
            () => StoredCheckpoint.Open(folders.Of(3)),
            Throws
                .TypeOf<CheckpointException>()
                .With.Message.EqualTo($"{link}: is a link: a checkpoint is made of its own files only")
        );
        KilledSaving.Save(folders, 4);
        folders.Prune(limit: 1, written: 4, best: null);
        Assert.That(there.All(File.Exists), Is.True);
        Assert.That(
            what == "file" || Directory.Exists(Path.Combine(elsewhere, "empty")),
            Is.True,
            "an empty folder is somebody's"
        );
    }

    [Test]
    public void Links_that_lead_round_are_not_followed()
    {
        var inner = Path.Combine(folders.Of(3), "inner");
        Directory.CreateDirectory(inner);
        Directory.CreateSymbolicLink(Path.Combine(inner, "a"), folders.Of(3));
        Directory.CreateSymbolicLink(Path.Combine(inner, "b"), folders.Of(3));
        KilledSaving.Save(folders, 4);
        folders.Prune(limit: 1, written: 4, best: null);
        Assert.That(
            FolderEntries.FilesBelow(folders.Of(3)).Select(file => Path.GetFileName(file)),
            Is.EquivalentTo(new[] { "a", "b" })
        );
    }

    [TestCase("checkpoint-7.123.0123456789abcdef0123456789abcdef.tmp", true)]
    [TestCase("notes.123.0123456789abcdef0123456789abcdef.tmp", false)]
    [TestCase("checkpoint-07.123.0123456789abcdef0123456789abcdef.tmp", false)]
    [TestCase("checkpoint-7.mine.123.0123456789abcdef0123456789abcdef.tmp", false)]
    [TestCase("checkpoint-7.123.0123456789abcdef0123456789abcdef.tmp\n", false)]
    public void Only_what_a_killed_process_names_so_is_deleted_as_its_leftover(string name, bool goes)
    {
        Directory.CreateDirectory(folder.Of(name));
        folders.DeleteLeftovers();
        Assert.That(Directory.Exists(folder.Of(name)), Is.Not.EqualTo(goes));
    }

    [TestCase("\"optimizer_steps\": 3", "\"optimizer_steps\": -1", "-1 as optimizer_steps")]
    [TestCase("\"1\": 3", "\"1\": -9223372036854775808", "-9223372036854775808 as the age of '1'")]
    [TestCase("\"seconds\": 1.5", "\"seconds\": 1e999", "a number that is not finite")]
    [TestCase("\"method\": \"refl\"", "\"method\": null", "a setting or fingerprint of null")]
    public void A_manifest_of_numbers_that_no_run_has_is_refused(string from, string to, string said)
    {
        var file = Path.Combine(folders.Of(3), CheckpointManifest.FileName);
        var content = JsonDocument.Parse(File.ReadAllText(file)).RootElement.GetProperty("checkpoint").GetRawText();
        var changed = content.Replace(from, to, StringComparison.Ordinal);
        Assert.That(changed, Is.Not.EqualTo(content), content);
        var hash = Convert.ToHexStringLower(
            System.Security.Cryptography.SHA256.HashData(System.Text.Encoding.UTF8.GetBytes(changed))
        );
        File.WriteAllText(file, $"{{\"sha256\": \"{hash}\", \"checkpoint\": {changed}}}");
        Assert.That(
            () => StoredCheckpoint.Open(folders.Of(3)),
            Throws.TypeOf<CheckpointException>().With.Message.EqualTo($"{file}: found {said}, which no run writes")
        );
    }
}
