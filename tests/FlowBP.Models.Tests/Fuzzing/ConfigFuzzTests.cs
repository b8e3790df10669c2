// Configurations of every network, from strangers: what is read can be built on paper, and what can't be built is refused by name.

using FlowBP.Families;
using FlowBP.Families.Inspection;
using FlowBP.Formats;
using FlowBP.Models.Autoencoders;
using FlowBP.Models.Rewards;
using FlowBP.Models.Schedulers;
using FlowBP.Models.TextEncoders;
using FlowBP.Tests.Fuzzing;

namespace FlowBP.Models.Tests.Fuzzing;

public sealed class ConfigFuzzTests
{
    // A network on paper takes milliseconds.
    private const int Built = 1500;

    private static readonly Dictionary<string, string> s_configs = new()
    {
        ["SD3"] = TestNetworks.TransformerConfig.ToJson(),
        ["FLUX.1"] = TestNetworks.FluxConfig.ToJson(),
        ["FLUX.2"] = TestNetworks.Flux2Config.ToJson(),
        ["autoencoder"] = TestNetworks.AutoencoderConfig.ToJson(),
        ["autoencoder of FLUX.2"] = new AutoencoderKLFlux2Config { Towers = TestNetworks.AutoencoderConfig }.ToJson(),
        ["CLIP's text"] = TestNetworks.SmallClip.Text.ToJson(),
        ["CLIP"] = TestNetworks.SmallClip.ToJson(),
        ["open_clip"] = TestNetworks.SmallOpenClip.ToJson(),
        ["T5"] = new T5Config
        {
            VocabSize = 11,
            DModel = 8,
            DKv = 4,
            DFf = 12,
            NumLayers = 2,
            NumHeads = 2,
        }.ToJson(),
        ["Qwen3"] = new Qwen3Config
        {
            VocabSize = 11,
            HiddenSize = 8,
            IntermediateSize = 12,
            NumHiddenLayers = 2,
            NumAttentionHeads = 2,
            NumKeyValueHeads = 1,
            HeadDim = 4,
        }.ToJson(),
        ["matching"] = new ImageTextMatchingConfig
        {
            VocabSize = 11,
            ContextLength = 6,
            ImageSize = 16,
            Channels = [4, 8],
            NormNumGroups = 2,
            Width = 8,
            Layers = 1,
            Heads = 2,
        }.ToJson(),
    };

    private static readonly string[] s_names = [.. s_configs.Keys];

    private TemporaryFolder folder = null!;

    [SetUp]
    public void CreateFolder() => folder = new();

    [TearDown]
    public void DeleteFolder() => folder.Dispose();

    [TestCaseSource(nameof(s_names))]
    public void Fuzz_configurations_are_built_on_paper_or_refused_by_name(string name)
    {
        var file = folder.Of("config.json");
        Check(
            60 + Array.IndexOf(s_names, name),
            file,
            s_configs[name],
            () =>
            {
                using var network = NetworkConfig.Read(file).Single().Build();
                Assert.That(NetworkLayout.Of(network).Parameters, Is.Positive);
            },
            Built,
            // Modules are objects, and some hundred layers of them weigh more than the page that asks for them.
            extra: 2 << 20
        );
    }

    [Test]
    public void Fuzz_schedulers_are_read_or_refused_by_name()
    {
        var file = folder.Of("scheduler_config.json");
        Check(
            80,
            file,
            new FlowMatchEulerConfig { Shift = 3, UseDynamicShifting = true }.ToJson(),
            () =>
            {
                var config = FlowMatchEulerConfig.Read(file);
                foreach (var tokens in new[] { 16, 4096 })
                {
                    Assert.That(config.Schedule(4, tokens).Sigmas, Has.Count.EqualTo(5));
                }
            },
            named: "scheduler_config.json"
        );
    }

    [Test]
    public void Fuzz_tables_of_contents_are_read_or_refused_by_name()
    {
        const string table = """
            {"_class_name": "FluxPipeline", "_diffusers_version": "0.30.0", "is_distilled": false,
             "scheduler": ["diffusers", "FlowMatchEulerDiscreteScheduler"], "text_encoder": ["transformers", "CLIPTextModel"],
             "text_encoder_2": [null, null], "tokenizer": ["transformers", "CLIPTokenizer"], "feature_extractor": [null, null],
             "transformer": ["diffusers", "FluxTransformer2DModel"], "vae": ["diffusers", "AutoencoderKL"]}
            """;
        foreach (var part in new[] { "scheduler", "text_encoder", "tokenizer", "transformer", "vae" })
        {
            Directory.CreateDirectory(folder.Of(part));
        }
        Check(
            81,
            folder.Of("model_index.json"),
            table,
            () =>
            {
                var layout = new DiffusersFolder(folder.Path);
                layout.Contents.RequirePipeline(
                    "FluxPipeline",
                    "FluxTransformer2DModel",
                    "AutoencoderKL",
                    FlowMatchEulerConfig.ClassName,
                    2
                );
                Assert.That(layout.Contents.TokenizerInUse(), Is.EqualTo(layout.Tokenizer()));
                Assert.That(layout.Contents.WithoutMissing("vae"), Is.Not.Empty);
            }
        );
    }

    private static void Check(
        int test,
        string file,
        string valid,
        Action read,
        int cases = FuzzCases.Usual,
        int extra = 0,
        string? named = null
    )
    {
        File.WriteAllText(file, valid);
        read();
        var law = new ReaderLaw(named ?? file, typeof(CheckpointException));
        for (var number = 0; number < FuzzCases.Count(cases); number++)
        {
            var text = JsonMutations.Of(valid, FuzzCases.Random(test, number));
            File.WriteAllText(file, text);
            law.Require(number, 4096 + extra + text.Length, read);
        }
        law.RequireKept();
    }
}
