using FlowBP.Families;

namespace FlowBP.Models.Tests;

/// <summary>What training does not change is stored as it came: large files under a second name, small ones as copies.</summary>
public sealed class UntrainedPartsTests
{
    // Of another file system than the one for temporary files, where there is one.
    private const string OtherFileSystem = "/dev/shm";

    private const string Large = "text_encoder/model.safetensors";
    private const string Small = "text_encoder/config.json";

    private TemporaryFolder folder = null!;

    [SetUp]
    public void CreateFolder()
    {
        folder = new TemporaryFolder();
        Write("model_index.json", """{"_class_name":"X","text_encoder":["transformers","A"]}"""u8.ToArray());
        Write(Large, [.. Enumerable.Range(0, (1 << 20) + 1).Select(i => (byte)i)]);
        Write(Small, "{}"u8.ToArray());
        Write("transformer/diffusion_pytorch_model.safetensors", new byte[(1 << 20) + 1]);
    }

    [TearDown]
    public void DeleteFolder() => folder.Dispose();

    [Test]
    [Platform("Linux")]
    public void Large_files_are_linked_small_ones_copied_and_what_is_trained_is_left_out()
    {
        new UntrainedParts(new(folder.Of("source"))).WriteTo(folder.Of("saved"));
        Assert.That(
            Directory
                .EnumerateFiles(folder.Of("saved"), "*", SearchOption.AllDirectories)
                .Select(file => Path.GetRelativePath(folder.Of("saved"), file)),
            Is.EquivalentTo(new[] { "model_index.json", Large, Small })
        );
        using (Assert.EnterMultipleScope())
        {
            Assert.That(AreOneFile(Source(Large), Path.Combine(folder.Of("saved"), Large)), Is.True);
            Assert.That(AreOneFile(Source(Small), Path.Combine(folder.Of("saved"), Small)), Is.False);
        }
    }

    [Test]
    [Platform("Linux")]
    public void A_file_behind_a_symbolic_link_is_linked_itself()
    {
        File.Move(Source(Large), folder.Of("blob"));
        File.CreateSymbolicLink(Source(Large), folder.Of("blob"));
        new UntrainedParts(new(folder.Of("source"))).WriteTo(folder.Of("saved"));
        var saved = Path.Combine(folder.Of("saved"), Large);
        Assert.That(new FileInfo(saved).LinkTarget, Is.Null);
        Assert.That(AreOneFile(folder.Of("blob"), saved), Is.True);
    }

    [Test]
    [Platform("Linux")]
    public void Where_no_link_can_be_made_the_first_checkpoint_is_a_copy_and_the_next_shares_it()
    {
        Assume.That(Directory.Exists(OtherFileSystem), "there is no second file system here");
        var other = Directory.CreateDirectory(Path.Combine(OtherFileSystem, $"flowbp-{Guid.NewGuid():N}")).FullName;
        try
        {
            var parts = new UntrainedParts(new(folder.Of("source")));
            parts.WriteTo(Path.Combine(other, "first"));
            parts.WriteTo(Path.Combine(other, "second"));
            var first = Path.Combine(other, "first", Large);
            var second = Path.Combine(other, "second", Large);
            Assert.That(File.ReadAllBytes(first), Is.EqualTo(File.ReadAllBytes(Source(Large))));
            Assume.That(AreOneFile(Source(Large), first), Is.False, "both are on one file system here");
            Assert.That(AreOneFile(first, second), Is.True);
        }
        finally
        {
            Directory.Delete(other, recursive: true);
        }
    }

    // What is written through one name is read through the other.
    private static bool AreOneFile(string one, string other)
    {
        using var stream = File.Open(one, FileMode.Open, FileAccess.ReadWrite, FileShare.ReadWrite);
        var first = stream.ReadByte();
        stream.Position = 0;
        stream.WriteByte((byte)(first + 1));
        stream.Flush(flushToDisk: true);
        using var read = File.Open(other, FileMode.Open, FileAccess.Read, FileShare.ReadWrite);
        return read.ReadByte() == (byte)(first + 1);
    }

    private string Source(string name) => Path.Combine(folder.Of("source"), name);

    private void Write(string name, byte[] content)
    {
        Directory.CreateDirectory(Path.GetDirectoryName(Source(name))!);
        File.WriteAllBytes(Source(name), content);
    }
}
