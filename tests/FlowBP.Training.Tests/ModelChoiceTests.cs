using FlowBP.Models.Formats;
using FlowBP.Shapes.Pictures;
using FlowBP.Surrogates;
using FlowBP.Training.Alignment;
using FlowBP.Training.Configuration;
using FlowBP.Training.Embedding;
using FlowBP.Training.Evaluation;
using FlowBP.Training.Pipelines;
using FlowBP.Training.Sampling;

namespace FlowBP.Training.Tests;

/// <summary>What one command leaves, an adapter, embeddings, a model, is what the next one takes.</summary>
public class ModelChoiceTests
{
    private const string Prompt = "a photo of a red circle";

    private const string TooLong =
        "a red circle and a blue square and a green triangle and a red circle and a blue square and a green triangle";

    private static IEnumerable<string> Families => TinyModels.Writers.Keys;

    private readonly List<string> notices = [];
    private TemporaryFolder folder = null!;
    private DisposeScope scope = null!;

    [SetUp]
    public void Open()
    {
        folder = new();
        scope = torch.NewDisposeScope();
        notices.Clear();
    }

    [TearDown]
    public void Close()
    {
        scope.Dispose();
        folder.Dispose();
    }

    [Test]
    public void A_base_with_its_adapter_paints_what_the_merged_model_paints()
    {
        Align(("lora_rank", "4"), ("max_train_steps", "2"));
        var lora = folder.Of("run/lora");
        var merged = Painted(Choice(("model", folder.Of("run/model"))));
        var plain = Painted(Choice());

        Assert.That(Painted(Choice(("lora_weights", lora))), Is.EqualTo(merged).Within(1e-4));
        Assert.That(
            Painted(Choice(("lora_weights", Path.Combine(lora, "pytorch_lora_weights.safetensors")))),
            Is.EqualTo(merged).Within(1e-4)
        );
        Assert.That(plain, Is.Not.EqualTo(merged).Within(1e-3), "two updates change something");
        Assert.That(
            Painted(Choice(("lora_weights", lora), ("compute_dtype", "bfloat16"))),
            Is.EqualTo(merged).Within(0.2)
        );
    }

    [TestCaseSource(nameof(Families))]
    public void Every_family_takes_its_adapter_back(string family)
    {
        TinyModels.Writers[family](folder.Of("model"));
        float[] adapted;
        using (
            var model = Tiny(
                new()
                {
                    Lora = new()
                    {
                        Rank = 2,
                        Alpha = 3,
                        TargetModules = [],
                    },
                    LoraSeed = 1,
                }
            )
        )
        {
            using var noGrad = torch.no_grad();
            foreach (var (i, layer) in model.Adapter!.Layers.Index())
            {
                layer.B_OR.add_(TinyModels.Waves(i, layer.B_OR.shape) * 0.1);
            }
            adapted = Latents(model);
            model.Adapter.Save(folder.Of("lora"));
        }
        using var plain = Tiny(new());
        using var loaded = Tiny(new() { StoredLora = new(folder.Of("lora"), Rank: 2, Alpha: 3), Trains = false });
        Assert.That(Latents(loaded), Is.EqualTo(adapted));
        Assert.That(Latents(plain), Is.Not.EqualTo(adapted).Within(1e-3));

        TextToImage Tiny(ComputeOptions options) =>
            new(folder.Of("model"), 2, prompts: new TinyModels.Prompts(), options: options);
    }

    [Test]
    public void What_only_paints_in_a_narrow_type_keeps_no_masters()
    {
        using var painting = Choice(("compute_dtype", "bfloat16")).Open(ComputeDevice.Cpu, [Prompt]);
        Assert.That(painting.Masters, Is.Null);
        Assert.That(
            painting.Model.Transformer.parameters().Select(parameter => parameter.dtype),
            Is.All.EqualTo(ScalarType.BFloat16)
        );
        var config = AlignmentConfig.Resolve([new("compute_dtype", "bfloat16")]);
        using var training = config.ModelChoice.Open(ComputeDevice.Cpu, [Prompt]);
        Assert.That(training.Masters, Is.Not.Null);
    }

    [Test]
    public void Training_goes_on_with_an_adapter()
    {
        Align(("lora_rank", "4"), ("max_train_steps", "2"));
        var lora = folder.Of("run/lora");
        var atOnce = Align(("output_dir", folder.Of("fresh")), ("lora_rank", "4"));
        var later = Align(("output_dir", folder.Of("on")), ("lora_weights", lora), ("lora_rank", "4"));

        Assert.That(later.Surrogate.Loss, Is.Not.EqualTo(atOnce.Surrogate.Loss), "it began with what was trained");
        // Only the second factor has a gradient at first, since it is zero.
        Assert.That(later.GradNorm, Is.Not.EqualTo(atOnce.GradNorm).Within(0.01).Percent);
        Assert.That(folder.Of("on/lora/pytorch_lora_weights.safetensors"), Does.Exist);

        Assert.That(
            () => Align(("output_dir", folder.Of("no")), ("lora_weights", lora), ("lora_rank", "8")),
            Throws.TypeOf<CheckpointException>().With.Message.Contains("found rank 4, expected 8 (lora_rank)")
        );
        Assert.That(
            () => Align(("output_dir", folder.Of("no")), ("lora_weights", lora), ("lora_alpha", "2")),
            Throws.TypeOf<CheckpointException>().With.Message.Contains("found alpha 4, expected 2 (lora_alpha)")
        );
        Assert.That(
            () => Align(("output_dir", folder.Of("no")), ("lora_weights", folder.Of("nowhere"))),
            Throws
                .TypeOf<CheckpointException>()
                .With.Message.Contains(folder.Of("nowhere"))
                .And.Message.Contains("found nothing there")
        );
        Assert.That(folder.Of("no"), Does.Not.Exist);
    }

    [Test]
    public void Stored_embeddings_give_the_loss_of_the_encoders_themselves()
    {
        var prompts = Prompts();
        Embed(EmbeddedAssets.Model, prompts);
        var encoded = Align(("prompts", prompts), ("eval_prompts", prompts));
        var stored = Align(
            ("prompts", prompts),
            ("eval_prompts", prompts),
            ("prompt_embeds", folder.Of("embeddings")),
            ("output_dir", folder.Of("stored"))
        );
        Assert.That(stored.Surrogate.Loss, Is.EqualTo(encoded.Surrogate.Loss).Within(1e-5));
        Assert.That(stored.GradNorm, Is.EqualTo(encoded.GradNorm).Within(0.1).Percent);
        Assert.That(
            Painted(Choice(("prompt_embeds", folder.Of("embeddings")))),
            Is.EqualTo(Painted(Choice())).Within(1e-4)
        );
    }

    [Test]
    public void Embeddings_of_another_model_or_without_a_prompt_are_refused_by_name()
    {
        var other = folder.Of("other");
        Copy(EmbeddedAssets.Model, other);
        var config = Path.Combine(other, "text_encoder", "config.json");
        File.WriteAllText(
            config,
            File.ReadAllText(config).Replace("\"layer_norm_eps\": 1E-05", "\"layer_norm_eps\": 1E-06")
        );
        Embed(other, Prompts());
        Assert.That(
            () => Choice(("prompt_embeds", folder.Of("embeddings"))).Open(ComputeDevice.Cpu, [Prompt]),
            Throws
                .TypeOf<CheckpointException>()
                .With.Message.Contains("does not belong to this model: found another configuration of text_encoder")
        );
        Assert.That(
            () =>
                Choice(("model", other), ("prompt_embeds", folder.Of("embeddings")))
                    .Open(ComputeDevice.Cpu, ["a photo of nothing"]),
            Throws.TypeOf<CheckpointException>().With.Message.Contains("a photo of nothing")
        );
    }

    [Test]
    public void Prompts_that_are_too_long_are_one_notice()
    {
        using var model = Choice().Open(ComputeDevice.Cpu, [Prompt, TooLong, TooLong + " too", TooLong], notices.Add);
        Assert.That(notices, Has.Count.EqualTo(1));
        Assert.That(
            notices[0],
            Does.Match(
                "^2 of 3 prompts are truncated, the first is 'a red circle.*…': CLIP takes 16 of its [0-9]+ tokens$"
            )
        );
        using var again = Choice().Open(ComputeDevice.Cpu, [Prompt], notices.Add);
        Assert.That(notices, Has.Count.EqualTo(1));
    }

    [Test]
    public void Samples_need_not_be_square()
    {
        var settings = Values(
            SampleSettings.All,
            ("height", "16"),
            ("width", "32"),
            ("prompt", Prompt),
            ("num_images_per_prompt", "2"),
            ("output_dir", folder.Of("samples"))
        );
        List<(int, int)> reports = [];
        var grid = Png.Load(new SampleRun(settings, (done, all) => reports.Add((done, all))).Execute());
        var expected = Painted(Choice(("height", "16"), ("width", "32")));

        var first = Png.Load(folder.Of("samples/0000-00.png"));
        var second = Png.Load(folder.Of("samples/0000-01.png"));
        Assert.That((first.Height, first.Width, second.Height, second.Width), Is.EqualTo((16, 32, 16, 32)));
        Assert.That(first.ToPlanes(), Is.EqualTo(expected).Within(0.5 / 255 + 1e-4));
        Assert.That(second.Bytes, Is.Not.EqualTo(first.Bytes));
        // Two cells of 6 times the pixels and a frame, a gap of 16, margins of 24.
        Assert.That(grid.Width, Is.EqualTo(2 * (6 * 32 + 2) + 16 + 2 * 24));
        Assert.That(grid.Height, Is.GreaterThan(6 * 16 + 2 + 2 * 24));
        Assert.That(reports, Is.EqualTo(new[] { (2, 2) }));
    }

    [Test]
    public void An_adapter_is_evaluated_against_its_base_in_any_type()
    {
        Align(("lora_rank", "4"), ("max_train_steps", "2"));
        var summary = Evaluate(
            ("lora_weights", folder.Of("run/lora")),
            ("baseline", "embedded"),
            ("compute_dtype", "bfloat16"),
            ("reward_dtype", "bfloat16"),
            ("eval_batch_size", "4")
        );
        Assert.That(summary.Metrics.Keys, Does.Contain("heldout_reward").And.Contain("rule_accuracy"));
        Assert.That(summary.Metrics["reward"].Gain, Is.Not.Zero);
        Assert.That(folder.Of("evaluation/before-after.png"), Does.Exist);
    }

    [Test]
    public void Pictures_that_are_not_square_are_judged_by_those_who_take_them()
    {
        Assert.That(
            () => Evaluate(("height", "16"), ("width", "32")),
            Throws
                .TypeOf<ConfigurationException>()
                .With.Message.StartsWith("the reward heldout_reward scores pictures of 32 × 32 pixels, found 16 × 32")
        );
        Assert.That(folder.Of("evaluation"), Does.Not.Exist);
        notices.Clear();

        var summary = Evaluate(
            ("height", "16"),
            ("width", "32"),
            ("heldout_reward", "none"),
            ("baseline", "embedded"),
            ("cfg_guidance", "2")
        );
        Assert.That(summary.Metrics.Keys, Is.EqualTo(new[] { "reward" }));
        Assert.That(summary.Metrics["reward"].Gain, Is.Zero, "the baseline is the model itself");
        Assert.That(notices, Has.Count.EqualTo(1));
        Assert.That(notices[0], Does.StartWith("no rule accuracy"));
    }

    [Test]
    public void A_model_is_aligned_on_pictures_that_are_not_square()
    {
        var report = Align(("height", "16"), ("width", "32"), ("heldout_reward", "none"));
        Assert.That(report.GradNorm, Is.GreaterThan(0).And.LessThan(double.PositiveInfinity));
        var pictures = Png.Load(folder.Of("run/samples/before-after.png"));
        // A header of 132 and its gap beside two cells, and the margins.
        Assert.That(pictures.Width, Is.EqualTo(132 + 16 + 2 * (6 * 32 + 2) + 16 + 2 * 24));
        Assert.That(
            notices.Count(text => text.StartsWith("no rule accuracy", StringComparison.Ordinal)),
            Is.EqualTo(1)
        );
        using var aligned = Choice(("model", folder.Of("run/model"))).Open(ComputeDevice.Cpu, [Prompt]);
        Assert.That(aligned.PictureSize, Is.EqualTo(new ImageSize(32, 32)), "the saved model's own size is as it was");
    }

    [TestCase("height=16", "height and width are given together")]
    [TestCase("height=20 width=32", "multiples of 16")]
    [TestCase("height=32 width=48", "found a picture of 32 × 48 pixels, expected sides of at most 32")]
    public void A_size_that_the_model_cannot_paint_is_wrong_usage(string given, string message) =>
        Assert.That(
            () =>
                Choice([.. given.Split(' ').Select(pair => (pair.Split('=')[0], pair.Split('=')[1]))])
                    .Open(ComputeDevice.Cpu, [Prompt]),
            Throws.TypeOf<ConfigurationException>().With.Message.Contains(message)
        );

    private static ModelChoice Choice(params (string Name, string Value)[] given) =>
        ModelChoice.Of(Values(SampleSettings.All, given));

    private static SettingValues Values(IReadOnlyList<Setting> all, params (string Name, string Value)[] given)
    {
        var values = new Dictionary<string, string>
        {
            ["sampling_steps"] = "3",
            ["seed"] = "5",
            ["device"] = "cpu",
            ["cpu_workers"] = "1",
        };
        foreach (var (name, value) in given)
        {
            values[name] = value;
        }
        return new("test", all, values);
    }

    // The first picture that `sample` paints.
    private static float[] Painted(ModelChoice choice)
    {
        using var model = choice.Open(ComputeDevice.Cpu, [Prompt]);
        using var noGrad = torch.no_grad();
        var noise_BCYX = Noise.Of(model.LatentShape, 1, seed: 5, step: 0);
        return model.Decode(model.Sample(noise_BCYX, model.Encode([Prompt]), steps: 3)).data<float>().ToArray();
    }

    private static float[] Latents(TextToImage model)
    {
        using var conditioning = model.Encode([Prompt]);
        var noise_BCYX = Noise.Of(model.LatentShape, 1, seed: 5, step: 0);
        return model.Sample(noise_BCYX, conditioning, steps: 2).data<float>().ToArray();
    }

    private EvaluationSummary Evaluate(params (string Name, string Value)[] given) =>
        new EvaluationRun(
            Values(
                EvaluationSettings.All,
                [
                    ("eval_prompts_limit", "3"),
                    ("eval_images_per_prompt", "2"),
                    ("output_dir", folder.Of("evaluation")),
                    .. given,
                ]
            ),
            new Watch(notices)
        ).Execute();

    // The report of the last step.
    private StepReport Align(params (string Name, string Value)[] given)
    {
        var values = new Dictionary<string, string>
        {
            ["method"] = "flowbp-sparse",
            ["num_active_steps"] = "2",
            ["rollout_steps"] = "3",
            ["sampling_steps"] = "2",
            ["train_batch_size"] = "2",
            ["max_train_steps"] = "1",
            ["learning_rate"] = "1e-2",
            ["lr_warmup_steps"] = "0",
            ["use_ema"] = "false",
            ["eval_prompts_limit"] = "2",
            ["eval_images_per_prompt"] = "1",
            ["latent_dtype"] = "float32",
            ["device"] = "cpu",
            ["output_dir"] = folder.Of("run"),
        };
        foreach (var (name, value) in given)
        {
            values[name] = value;
        }
        var watch = new Watch(notices);
        new AlignmentRun(AlignmentConfig.Resolve(values), watch).Execute();
        return watch.Reports[^1];
    }

    private string Prompts() =>
        folder.Write("prompts.txt", $"{Prompt}\na photo of two blue squares\na photo of a green triangle");

    private void Embed(string model, string prompts) =>
        new EmbedRun(
            new(
                "embed",
                EmbedSettings.All,
                new Dictionary<string, string>
                {
                    ["model"] = model,
                    ["prompts"] = prompts,
                    ["output"] = folder.Of("embeddings"),
                    ["dtype"] = "fp32",
                    ["device"] = "cpu",
                }
            ),
            (_, _) => { },
            notices.Add
        ).Execute();

    private static void Copy(string from, string to)
    {
        foreach (var file in Directory.EnumerateFiles(from, "*", SearchOption.AllDirectories))
        {
            var copy = Path.Combine(to, Path.GetRelativePath(from, file));
            Directory.CreateDirectory(Path.GetDirectoryName(copy)!);
            File.Copy(file, copy);
        }
    }

    private sealed class Watch(List<string> notices) : IAlignmentObserver
    {
        public List<StepReport> Reports { get; } = [];

        public void Stage(string name) { }

        public void Step(StepReport report, int steps) => Reports.Add(report);

        public void Evaluated(string label, EvaluationResult result) { }

        public void Notice(string text) => notices.Add(text);
    }
}
