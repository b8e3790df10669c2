// A model folder and its table of contents must agree, and the schedule must be the one that is built.

using System.Text.Json.Nodes;
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
        Assert.That(Layout.Contents.HasPart(Layout.TextEncoder(3)), Is.True);
    }

    [Test]
    public void A_part_that_is_listed_and_not_there_is_refused()
    {
        Index("""{"_class_name":"X","text_encoder_3":["transformers","T5EncoderModel"]}""");
        Assert.That(
            () => Layout.Contents.HasPart(Layout.TextEncoder(3)),
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
            Assert.That(Layout.Contents.HasPart(Layout.TextEncoder(3)), Is.False);
            Assert.That(notices, Is.Empty);
            Directory.CreateDirectory(Layout.TextEncoder(3));
            Assert.That(Layout.Contents.HasPart(Layout.TextEncoder(3)), Is.False);
            Assert.That(Layout.Contents.HasPart(Layout.TextEncoder(3)), Is.False);
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
            Assert.That(Layout.Contents.TokenizerInUse(3), Is.EqualTo(Layout.Tokenizer(3)));
            Assert.That(notices, Is.Empty);
            Directory.CreateDirectory(Layout.Tokenizer(3));
            Assert.That(Layout.Contents.TokenizerInUse(3), Is.EqualTo(Layout.Tokenizer(3)));
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
                () => Layout.Contents.TokenizerInUse(3),
                Throws.TypeOf<CheckpointException>().With.Message.Contains("lists tokenizer_3 (T5TokenizerFast)")
            );
            Directory.CreateDirectory(Layout.Tokenizer(3));
            Assert.That(Layout.Contents.TokenizerInUse(3), Is.EqualTo(Layout.Tokenizer(3)));
        }
        Assert.That(notices, Is.Empty);
    }

    [Test]
    public void An_index_that_lists_nothing_leaves_it_to_the_folders()
    {
        Index("""{"_class_name":"X"}""");
        Directory.CreateDirectory(Layout.TextEncoder(2));
        Assert.That(
            (Layout.Contents.HasPart(Layout.TextEncoder(2)), Layout.Contents.HasPart(Layout.TextEncoder(3))),
            Is.EqualTo((true, false))
        );
    }

    [Test]
    public void Another_class_of_a_part_is_refused_by_name()
    {
        Index("""{"_class_name":"X","scheduler":["diffusers","FlowMatchHeunDiscreteScheduler"]}""");
        Assert.That(
            () => Layout.Contents.RequireClass(Layout.Scheduler, FlowMatchEulerConfig.ClassName),
            Throws
                .TypeOf<CheckpointException>()
                .With.Message.Contains("lists FlowMatchHeunDiscreteScheduler as scheduler")
        );
    }

    [TestCase("""["transformers","T5EncoderModel",{"a":1}]""")]
    [TestCase("\"T5EncoderModel\"")]
    [TestCase("""["T5EncoderModel"]""")]
    [TestCase("[]")]
    [TestCase("""["transformers",3]""")]
    [TestCase("""{"class":"T5EncoderModel"}""")]
    [TestCase("false")]
    public void An_entry_of_a_part_that_is_no_library_and_class_is_refused_by_name(string entry)
    {
        Index($$"""{"_class_name":"X","vae":["a","b"],"text_encoder_3":{{entry}}}""");
        Directory.CreateDirectory(Layout.TextEncoder(3));
        foreach (
            var read in new Action[]
            {
                () => Layout.Contents.HasPart(Layout.TextEncoder(3)),
                () => Layout.Contents.RequireClass(Layout.TextEncoder(3), "T5EncoderModel"),
            }
        )
        {
            Assert.That(
                read,
                Throws
                    .TypeOf<CheckpointException>()
                    .With.Message.Contains($"lists text_encoder_3 as {entry}, expected [library, class]")
            );
        }
    }

    [TestCase("""{"text_encoder_3":["transformers","T5EncoderModel",{}]}""", "lists text_encoder_3 as")]
    [TestCase("""{"text_encoder_3":"T5EncoderModel"}""", "lists text_encoder_3 as \"T5EncoderModel\"")]
    [TestCase("""{"image_encoder":["transformers","A",{}]}""", "lists image_encoder as")]
    [TestCase("""{"image_encoder":{"class":"A"}}""", "lists image_encoder as")]
    [TestCase("""{"controlnet":"A"}""", "lists controlnet as \"A\"")]
    [TestCase("""{"image_encoder":["transformers","A"]}""", "lists image_encoder (A), but there is no folder")]
    [TestCase("""{"text_encoder_4":["transformers","A"]}""", "lists text_encoder_4 (A), but there is no folder")]
    [TestCase("""{"vae":null}""", "lists no vae, expected V")]
    [TestCase("""{"vae":[null,null]}""", "lists no vae, expected V")]
    [TestCase("""{"transformer":null}""", "lists no transformer, expected T")]
    [TestCase("""{"scheduler":[null,null]}""", "lists no scheduler, expected S")]
    [TestCase("""{"scheduler":"S"}""", "lists scheduler as \"S\"")]
    [TestCase("""{"scheduler":["diffusers","Other"]}""", "lists Other as scheduler, expected S")]
    [TestCase("""{"_class_name":"Y"}""", "found pipeline class Y, expected X")]
    public void An_index_that_is_not_understood_whole_is_refused(string changes, string problem)
    {
        WholePipeline(changes);
        Directory.CreateDirectory(folder.Of("controlnet"));
        Assert.That(
            () => Layout.Contents.RequirePipeline("X", "T", "V", "S", textEncoders: 3),
            Throws.TypeOf<CheckpointException>().With.Message.Contains(problem)
        );
    }

    [TestCase("""{"image_encoder":["transformers","A"]}""", "lists image_encoder (A), which is not used here")]
    [TestCase(
        """{"image_encoder":["transformers","A"],"text_encoder_4":["a","B"]}""",
        "lists image_encoder (A) and text_encoder_4 (B), which is not used here"
    )]
    [TestCase("""{"safety_checker":[null,null],"feature_extractor":null,"image_encoder":[null,null]}""", null)]
    [TestCase("""{"is_distilled":true,"name":"a","sizes":[1,2,3],"_diffusers_version":"0.35"}""", null)]
    [TestCase("""{"text_encoder_2":["transformers","A"],"tokenizer_3":["transformers","B"]}""", null)]
    public void Parts_that_a_pipeline_does_not_have_are_said(string changes, string? said)
    {
        WholePipeline(changes);
        Directory.CreateDirectory(folder.Of("image_encoder"));
        Directory.CreateDirectory(Layout.TextEncoder(4));
        List<string> notices = [];
        using (LoadingNotices.To(notices.Add))
        {
            Layout.Contents.RequirePipeline("X", "T", "V", "S", textEncoders: 3);
        }
        Assert.That(notices, said is null ? Is.Empty : Has.Count.EqualTo(1).And.One.Contains(said));
    }

    [TestCase("FlowMatchHeunDiscreteScheduler")]
    [TestCase("FlowMatchLCMScheduler")]
    [TestCase("EulerDiscreteScheduler")]
    [TestCase("UniPCMultistepScheduler")]
    public void A_schedule_of_another_class_is_refused_by_name(string name)
    {
        File.WriteAllText(folder.Of("s.json"), $$"""{"_class_name":"{{name}}","shift":3.0}""");
        Assert.That(
            () => FlowMatchEulerConfig.Read(folder.Of("s.json")),
            Throws.TypeOf<CheckpointException>().With.Message.Contains(name)
        );
    }

    [TestCase(256, 256)]
    [TestCase(4096, 256)]
    [TestCase(0, 256)]
    public void A_dynamic_shift_needs_a_range(int first, int last)
    {
        var text = $$"""{"use_dynamic_shifting":true,"base_image_seq_len":{{first}},"max_image_seq_len":{{last}}}""";
        File.WriteAllText(folder.Of("s.json"), text);
        Assert.That(
            () => FlowMatchEulerConfig.Read(folder.Of("s.json")),
            Throws
                .TypeOf<CheckpointException>()
                .With.Message.StartsWith(folder.Of("s.json"))
                .And.Message.Contains($"'base_image_seq_len' and 'max_image_seq_len': found {first} and {last}")
        );
        File.WriteAllText(folder.Of("s.json"), text.Replace("true", "false", StringComparison.Ordinal));
        Assert.That(
            FlowMatchEulerConfig.Read(folder.Of("s.json")).UseDynamicShifting,
            Is.False,
            "without it they have no effect"
        );
    }

    [TestCase("""{"use_dynamic_shifting":true,"base_shift":null}""", "base_shift")]
    [TestCase("""{"use_dynamic_shifting":true,"max_image_seq_len":null}""", "max_image_seq_len")]
    [TestCase("""{"shift":null}""", "shift")]
    public void A_shift_that_is_null_is_not_guessed(string text, string key)
    {
        File.WriteAllText(folder.Of("s.json"), text);
        Assert.That(
            () => FlowMatchEulerConfig.Read(folder.Of("s.json")),
            Throws.TypeOf<CheckpointException>().With.Message.Contains($"key '{key}': found null, expected a number")
        );
        // Of what is not asked for it does not matter.
        File.WriteAllText(folder.Of("s.json"), """{"use_dynamic_shifting":false,"base_shift":null,"shift":3}""");
        Assert.That(FlowMatchEulerConfig.Read(folder.Of("s.json")).Shift, Is.EqualTo(3));
    }

    // The index of a whole model with some entries changed or added, and the folders that every model has.
    private void WholePipeline(string changes)
    {
        var index = JsonNode
            .Parse("""{"_class_name":"X","transformer":["a","T"],"vae":["a","V"],"scheduler":["a","S"]}""")!
            .AsObject();
        foreach (var (name, entry) in JsonNode.Parse(changes)!.AsObject())
        {
            index[name] = entry?.DeepClone();
        }
        Index(index.ToJsonString());
        foreach (var part in new[] { Layout.Transformer, Layout.Vae, Layout.Scheduler })
        {
            Directory.CreateDirectory(part);
        }
    }

    private void Index(string text) => File.WriteAllText(folder.Of("model_index.json"), text);
}
