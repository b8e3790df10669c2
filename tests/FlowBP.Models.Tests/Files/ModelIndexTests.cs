// A model folder and its table of contents must agree, and the schedule must be the one that is built.

using FlowBP.Formats;
using FlowBP.Models.Schedulers;

namespace FlowBP.Models.Tests;

public sealed class ModelIndexTests
{
    private TemporaryFolder folder = null!;

    private DiffusersFolder Layout => new(folder.Path);

    [SetUp]
    public void CreateFolder() => folder = new TemporaryFolder();

    [TearDown]
    public void DeleteFolder() => folder.Dispose();

    [Test]
    public void A_part_that_is_listed_and_there_is_there()
    {
        Index("""{"_class_name":"X","text_encoder_3":["transformers","T5EncoderModel"]}""");
        Directory.CreateDirectory(Layout.TextEncoder(3));
        Assert.That(Layout.HasPart(Layout.TextEncoder(3)), Is.True);
    }

    [Test]
    public void A_part_that_is_listed_and_not_there_is_refused()
    {
        Index("""{"_class_name":"X","text_encoder_3":["transformers","T5EncoderModel"]}""");
        Assert.That(
            () => Layout.HasPart(Layout.TextEncoder(3)),
            Throws
                .TypeOf<CheckpointException>()
                .With.Message.Contains("lists text_encoder_3 (T5EncoderModel), but there is no folder")
        );
    }

    [TestCase("""{"_class_name":"X","vae":["a","b"],"text_encoder_3":[null,null]}""")]
    [TestCase("""{"_class_name":"X","vae":["a","b"],"text_encoder_3":null}""")]
    [TestCase("""{"_class_name":"X","vae":["a","b"]}""")]
    public void A_part_that_is_not_listed_is_not_used_and_its_folder_is_said(string index)
    {
        Index(index);
        List<string> notices = [];
        using (LoadingNotices.To(notices.Add))
        {
            Assert.That(Layout.HasPart(Layout.TextEncoder(3)), Is.False);
            Assert.That(notices, Is.Empty);
            Directory.CreateDirectory(Layout.TextEncoder(3));
            Assert.That(Layout.HasPart(Layout.TextEncoder(3)), Is.False);
            Assert.That(Layout.HasPart(Layout.TextEncoder(3)), Is.False);
        }
        Assert.That(notices, Has.Count.EqualTo(1).And.One.Contains("lists no text_encoder_3"));
    }

    [TestCase("""{"_class_name":"X","text_encoder_3":["transformers","T5EncoderModel"],"tokenizer_3":[null,null]}""")]
    [TestCase("""{"_class_name":"X","text_encoder_3":["transformers","T5EncoderModel"],"tokenizer_3":null}""")]
    [TestCase("""{"_class_name":"X","text_encoder_3":["transformers","T5EncoderModel"]}""")]
    public void A_tokenizer_that_is_not_listed_is_read_for_an_encoder_that_is_and_that_is_said(string index)
    {
        Index(index);
        List<string> notices = [];
        using (LoadingNotices.To(notices.Add))
        {
            Assert.That(Layout.TokenizerInUse(3), Is.EqualTo(Layout.Tokenizer(3)));
            Assert.That(notices, Is.Empty);
            Directory.CreateDirectory(Layout.Tokenizer(3));
            Assert.That(Layout.TokenizerInUse(3), Is.EqualTo(Layout.Tokenizer(3)));
        }
        Assert.That(notices, Has.Count.EqualTo(1).And.One.Contains("lists no tokenizer_3, which text_encoder_3 needs"));
    }

    [Test]
    public void A_tokenizer_that_is_listed_must_be_there_and_is_read_without_a_word()
    {
        Index("""{"_class_name":"X","tokenizer_3":["transformers","T5TokenizerFast"]}""");
        List<string> notices = [];
        using (LoadingNotices.To(notices.Add))
        {
            Assert.That(
                () => Layout.TokenizerInUse(3),
                Throws.TypeOf<CheckpointException>().With.Message.Contains("lists tokenizer_3 (T5TokenizerFast)")
            );
            Directory.CreateDirectory(Layout.Tokenizer(3));
            Assert.That(Layout.TokenizerInUse(3), Is.EqualTo(Layout.Tokenizer(3)));
        }
        Assert.That(notices, Is.Empty);
    }

    [Test]
    public void An_index_that_lists_nothing_leaves_it_to_the_folders()
    {
        Index("""{"_class_name":"X"}""");
        Directory.CreateDirectory(Layout.TextEncoder(2));
        Assert.That(
            (Layout.HasPart(Layout.TextEncoder(2)), Layout.HasPart(Layout.TextEncoder(3))),
            Is.EqualTo((true, false))
        );
    }

    [Test]
    public void Another_class_of_a_part_is_refused_by_name()
    {
        Index("""{"_class_name":"X","scheduler":["diffusers","FlowMatchHeunDiscreteScheduler"]}""");
        Assert.That(
            () => Layout.RequireClass(Layout.Scheduler, FlowMatchEulerConfig.ClassName),
            Throws
                .TypeOf<CheckpointException>()
                .With.Message.Contains("lists FlowMatchHeunDiscreteScheduler as scheduler")
        );
    }

    [TestCase("FlowMatchHeunDiscreteScheduler")]
    [TestCase("FlowMatchLCMScheduler")]
    [TestCase("EulerDiscreteScheduler")]
    [TestCase("UniPCMultistepScheduler")]
    public void A_schedule_of_another_class_is_refused_by_name(string name)
    {
        File.WriteAllText(folder["s.json"], $$"""{"_class_name":"{{name}}","shift":3.0}""");
        Assert.That(
            () => FlowMatchEulerConfig.Read(folder["s.json"]),
            Throws.TypeOf<CheckpointException>().With.Message.Contains(name)
        );
    }

    [TestCase(256, 256)]
    [TestCase(4096, 256)]
    [TestCase(0, 256)]
    public void A_dynamic_shift_needs_a_range(int first, int last)
    {
        string text = $$"""{"use_dynamic_shifting":true,"base_image_seq_len":{{first}},"max_image_seq_len":{{last}}}""";
        File.WriteAllText(folder["s.json"], text);
        Assert.That(
            () => FlowMatchEulerConfig.Read(folder["s.json"]),
            Throws
                .TypeOf<CheckpointException>()
                .With.Message.StartsWith(folder["s.json"])
                .And.Message.Contains($"'base_image_seq_len' and 'max_image_seq_len': found {first} and {last}")
        );
        File.WriteAllText(folder["s.json"], text.Replace("true", "false", StringComparison.Ordinal));
        Assert.That(
            FlowMatchEulerConfig.Read(folder["s.json"]).UseDynamicShifting,
            Is.False,
            "without it they have no effect"
        );
    }

    [TestCase("""{"use_dynamic_shifting":true,"base_shift":null}""", "base_shift")]
    [TestCase("""{"use_dynamic_shifting":true,"max_image_seq_len":null}""", "max_image_seq_len")]
    [TestCase("""{"shift":null}""", "shift")]
    public void A_shift_that_is_null_is_not_guessed(string text, string key)
    {
        File.WriteAllText(folder["s.json"], text);
        Assert.That(
            () => FlowMatchEulerConfig.Read(folder["s.json"]),
            Throws.TypeOf<CheckpointException>().With.Message.Contains($"key '{key}': found null, expected a number")
        );
        // Of what is not asked for it does not matter.
        File.WriteAllText(folder["s.json"], """{"use_dynamic_shifting":false,"base_shift":null,"shift":3}""");
        Assert.That(FlowMatchEulerConfig.Read(folder["s.json"]).Shift, Is.EqualTo(3));
    }

    private void Index(string text) => File.WriteAllText(folder["model_index.json"], text);
}
