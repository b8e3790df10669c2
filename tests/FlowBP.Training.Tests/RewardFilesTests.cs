using FlowBP.Formats;
using FlowBP.Models.Clip;
using FlowBP.Models.Tokenizers;
using FlowBP.Training.Rewards;

namespace FlowBP.Training.Tests;

/// <summary>Rewards load as they are distributed.</summary>
public class RewardFilesTests
{
    private static readonly OpenClipConfig s_openClip = new()
    {
        EmbedDim = 6,
        Text = new(8, 2, 1, 2),
        Vision = new(8, 2, 1, 2),
        ContextLength = 16,
        VocabSize = 700,
        ImageSize = 8,
        PatchSize = 4,
    };

    private TemporaryFolder folder = null!;

    [SetUp]
    public void CreateFolder() => folder = new();

    [TearDown]
    public void DeleteFolder() => folder.Dispose();

    [Test]
    public void The_tokenizer_lies_in_its_folder_or_beside_the_configuration(
        [Values("tokenizer", ".")] string place,
        [Values("model.safetensors", "HPS_v2.1_compressed.safetensors")] string weights
    )
    {
        ClipVocabularyBuilder.Write(Path.Combine(folder.Path, place), ["red"], 16);
        using var network = new OpenClipModel(s_openClip);
        Checkpoint.Save(network, folder.Of(weights));
        folder.Write("config.json", s_openClip.ToJson());

        using var reward = RewardFolder.Load(folder.Path);
        using var named = RewardFolder.Load(folder.Of(weights));

        Assert.That(reward.Name, Is.EqualTo(Path.GetFileName(folder.Path)));
        Assert.That(named.Name, Is.EqualTo(Path.GetFileNameWithoutExtension(weights)));
    }

    [Test]
    public void An_open_clip_configuration_is_read_too()
    {
        ClipVocabularyBuilder.Write(folder.Of("tokenizer"), ["red"], 16);
        using var network = new OpenClipModel(s_openClip);
        Checkpoint.Save(network, folder.Of("open_clip_model.safetensors"));
        folder.Write("open_clip_config.json", "{\"model_cfg\": " + s_openClip.ToJson() + ", \"preprocess_cfg\": {}}");

        using var reward = RewardFolder.Load(folder.Path);

        Assert.That(reward.Name, Is.Not.Empty);
    }

    [Test]
    public void Without_a_tokenizer_it_is_said_what_is_missing()
    {
        folder.Write("config.json", s_openClip.ToJson());
        Assert.That(
            () => RewardFolder.Load(folder.Path),
            Throws.TypeOf<CheckpointException>().With.Message.Contains("found no tokenizer, expected tokenizer/")
        );
    }

    [Test]
    public void Without_a_configuration_open_clip_weights_are_HPSv2()
    {
        List<string> notices = [];
        using (var network = new OpenClipModel(s_openClip))
        {
            Checkpoint.Save(network, folder.Of("HPS_v2.1_compressed.safetensors"));
        }
        using (LoadingNotices.To(notices.Add))
        {
            Assert.That(RewardFiles.Find(folder.Of("HPS_v2.1_compressed.safetensors")).Config, Is.Null);
        }
        Assert.That(notices, Has.One.Contains("is read as HPSv2"));
    }

    [Test]
    public void A_folder_without_anything_lacks_its_configuration() =>
        Assert.That(
            () => RewardFolder.Load(folder.Path),
            Throws.TypeOf<CheckpointException>().With.Message.Contains("config.json: no such file")
        );
}
