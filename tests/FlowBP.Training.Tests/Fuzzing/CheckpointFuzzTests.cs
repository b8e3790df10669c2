// Checkpoints that somebody else made: a manifest vouches for itself by a hash that anybody can compute, so what its content says is
// believed no more than that of any other file.

using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using FlowBP.Formats;
using FlowBP.Tests.Fuzzing;
using FlowBP.Tests.Misfits;
using FlowBP.Training.Checkpoints;

namespace FlowBP.Training.Tests.Fuzzing;

public sealed class CheckpointFuzzTests
{
    private const int Step = 3;

    private TemporaryFolder outer = null!;
    private CheckpointFolders folders = null!;

    private string Folder => folders.Of(Step);

    private string ManifestFile => Path.Combine(Folder, CheckpointManifest.FileName);

    [SetUp]
    public void Save()
    {
        outer = new();
        folders = new(outer.Of("checkpoints"));
        using (var staging = new CheckpointStaging(Folder))
        {
            for (var rank = 0; rank < 2; rank++)
            {
                using var values = torch.full([6], rank, ScalarType.Float32);
                StateShards.Write(
                    staging.Path,
                    new(Step, rank, Ranks: 2),
                    new Dictionary<string, Tensor> { [$"{TrainingState.Value}{rank}"] = values }
                );
            }
            staging.Commit(KilledSaving.Manifest(Step, ranks: 2), new());
        }
        // What a name that leads out would find, as long and with the same hash as the manifest says.
        File.Copy(Path.Combine(Folder, new ShardPlace(Step, 0, 2).FileName), outer.Of("outside.safetensors"));
    }

    [TearDown]
    public void DeleteFolder() => outer.Dispose();

    [Test]
    public void Fuzz_manifests_are_read_or_refused_by_name()
    {
        var valid = File.ReadAllText(ManifestFile);
        using var json = JsonDocument.Parse(valid);
        var content = json.RootElement.GetProperty("checkpoint").GetRawText();
        var law = new ReaderLaw(Folder, typeof(CheckpointException));
        for (var number = 0; number < FuzzCases.Count(); number++)
        {
            var random = FuzzCases.Random(10, number);
            var text =
                random.Next(8) == 0 ? JsonMutations.Of(valid, random) : Vouched(JsonMutations.Of(content, random));
            File.WriteAllText(ManifestFile, text);
            law.Require(number, 4096 + text.Length, Open);
        }
        law.RequireKept();
    }

    [Test]
    public void Fuzz_shards_that_a_manifest_vouches_for_are_read_or_refused_by_name()
    {
        var name = new ShardPlace(Step, 1, 2).FileName;
        var shard = Path.Combine(Folder, name);
        var valid = File.ReadAllBytes(shard);
        var manifest = CheckpointManifest.Read(Folder);
        var law = new ReaderLaw(Folder, typeof(CheckpointException));
        for (var number = 0; number < FuzzCases.Count(); number++)
        {
            var bytes = ByteMutations.Of(valid, FuzzCases.Random(11, number));
            File.WriteAllBytes(shard, bytes);
            var file = new CheckpointFile(name, bytes.Length, Convert.ToHexStringLower(SHA256.HashData(bytes)));
            var vouched = manifest with { Files = [.. manifest.Files.Select(each => each.Name == name ? file : each)] };
            File.WriteAllText(ManifestFile, vouched.ToJson());
            law.Require(number, 4096 + bytes.Length, Open);
        }
        law.RequireKept();
    }

    [TestCase("../outside.safetensors")]
    [TestCase("training_state/../../outside.safetensors")]
    [TestCase("/")]
    [TestCase("training_state//x")]
    [TestCase("./outside.safetensors")]
    [TestCase("outside\0.safetensors")]
    public void Fuzz_a_name_that_leads_out_of_a_checkpoint_is_refused(string name)
    {
        var manifest = CheckpointManifest.Read(Folder);
        var first = manifest.Files[0];
        File.WriteAllText(
            ManifestFile,
            (manifest with { Files = [.. manifest.Files, first with { Name = name }] }).ToJson()
        );

        Assert.That(
            () => StoredCheckpoint.Open(Folder),
            Throws
                .TypeOf<CheckpointException>()
                .With.Message.Contains("which no run writes")
                .And.Message.StartsWith(ManifestFile)
        );
    }

    private void Open()
    {
        using var stored = StoredCheckpoint.Open(Folder);
        using var best = new Values(stored.BestWeights());
        // Whoever goes on with the run looks at all of it.
        Assert.That(stored.Manifest.ToJson(), Is.Not.Empty);
        Assert.That(stored.Manifest.Settings.Values.All(text => text.Length >= 0), Is.True);
        Assert.That(stored.Manifest.Fingerprints.Values.All(text => text.Length >= 0), Is.True);
        Assert.That(stored.Manifest.Ages.Values, Is.All.GreaterThanOrEqualTo(0));
        Assert.That(stored.Manifest.Counters.OptimizerSteps, Is.GreaterThanOrEqualTo(0));
        Assert.That(double.IsFinite(stored.Manifest.Counters.Seconds), Is.True);
        Assert.That(stored.Manifest.Alarm?.BestScores.All(double.IsFinite) ?? true, Is.True);
    }

    private static string Vouched(string content) =>
        $"{{\"sha256\": \"{Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(content)))}\", \"checkpoint\": {content}}}";

    private sealed class Values(IReadOnlyDictionary<string, Tensor>? tensors) : IDisposable
    {
        public void Dispose()
        {
            foreach (var tensor in tensors?.Values ?? [])
            {
                tensor.Dispose();
            }
        }
    }
}
