// The strength of an adapter: in its file, in a configuration beside it, or nowhere; what is taken for it is said.

using System.Text.Json.Nodes;
using FlowBP.Formats;
using FlowBP.Models.Adapters;
using static FlowBP.Models.Tests.AdaptedFamilies;
using static FlowBP.Models.Tests.TestNetworks;

namespace FlowBP.Models.Tests;

public sealed class AdapterStrengthTests
{
    private TemporaryFolder folder = null!;

    [SetUp]
    public void CreateFolder() => folder = new TemporaryFolder();

    [TearDown]
    public void DeleteFolder() => folder.Dispose();

    [Test]
    public void A_PEFT_folder_has_its_strengths_in_its_configuration(
        [ValueSource(typeof(AdaptedFamilies), nameof(Names))] string family,
        [Values] bool isRankStabilized
    )
    {
        using var scope = torch.NewDisposeScope();
        using var model = New(family);
        var expected = Merged(model, family, (alpha, rank) => alpha / (isRankStabilized ? Math.Sqrt(rank) : rank));
        JsonObject ranks = [];
        JsonObject alphas = [];
        foreach (var (change, (rank, alpha)) in Changes(family).Zip(Sizes(family)))
        {
            foreach (var path in change.Own)
            {
                ranks[path] = rank;
                alphas[path] = alpha;
            }
        }
        File.WriteAllText(
            folder.Of("adapter_config.json"),
            new JsonObject
            {
                ["peft_type"] = "LORA",
                ["r"] = 16,
                ["lora_alpha"] = 99,
                ["rank_pattern"] = ranks,
                ["alpha_pattern"] = alphas,
                ["use_rslora"] = isRankStabilized,
                ["use_dora"] = false,
                ["bias"] = "none",
                ["init_lora_weights"] = "gaussian",
                ["modules_to_save"] = null,
                ["target_modules"] = "a regular expression",
            }.ToJsonString()
        );
        SafetensorsWriter.Write(
            folder.Of("adapter_model.safetensors"),
            Written(model, family, AdapterStyle.Peft, withAlpha: false)
        );

        MergesTo(model, folder.Path, expected);
    }

    [Test]
    public void Without_a_strength_anywhere_alpha_is_the_rank(
        [ValueSource(typeof(AdaptedFamilies), nameof(Names))] string family
    )
    {
        using var scope = torch.NewDisposeScope();
        using var model = New(family);
        var expected = Merged(model, family, (_, _) => 1);
        SafetensorsWriter.Write(
            folder.Of("x.safetensors"),
            Written(model, family, AdapterStyle.All["ai-toolkit"], withAlpha: false)
        );

        MergesTo(model, folder.Of("x.safetensors"), expected);
    }

    [TestCase(0.5)]
    [TestCase(0)]
    [TestCase(-1)]
    public void A_scale_multiplies_every_strength(double scale)
    {
        using var scope = torch.NewDisposeScope();
        using var model = New("FLUX.1");
        var expected = Merged(model, "FLUX.1", (alpha, rank) => scale * alpha / rank);
        SafetensorsWriter.Write(
            folder.Of("x.safetensors"),
            Written(model, "FLUX.1", AdapterStyle.All["sd-scripts"], withAlpha: true)
        );

        using var adapter = LoraAdapter.Load(model, folder.Path, scale: scale);
        adapter.Merge(model);
        Same(model, expected);
    }

    [Test]
    public void A_configuration_beside_a_file_of_another_name_gives_its_strength_and_is_said()
    {
        using var scope = torch.NewDisposeScope();
        using nn.Module model = Flux2();
        var expected = Merged(model, "FLUX.2", (_, rank) => 6.0 / rank);
        File.WriteAllText(folder.Of("adapter_config.json"), """{"peft_type":"LORA","lora_alpha":6}""");
        SafetensorsWriter.Write(
            folder.Of("pytorch_lora_weights.safetensors"),
            Written(model, "FLUX.2", AdapterStyle.All["diffusers"], withAlpha: false)
        );
        List<string> notices = [];

        using (LoadingNotices.To(notices.Add))
        {
            MergesTo(model, folder.Of("adapter_config.json"), expected);
        }

        Assert.That(notices, Has.One.Contains("says nothing of its strength").And.One.Contains("adapter_config.json"));
    }

    [Test]
    public void Without_lora_alpha_PEFT_takes_8_and_so_it_is_said()
    {
        using var scope = torch.NewDisposeScope();
        using nn.Module model = Flux2();
        var expected = Merged(model, "FLUX.2", (_, rank) => 8.0 / rank);
        File.WriteAllText(folder.Of("adapter_config.json"), """{"peft_type":"LORA"}""");
        SafetensorsWriter.Write(
            folder.Of("adapter_model.safetensors"),
            Written(model, "FLUX.2", AdapterStyle.Peft, withAlpha: false)
        );
        List<string> notices = [];

        using (LoadingNotices.To(notices.Add))
        {
            MergesTo(model, folder.Path, expected);
        }

        Assert.That(notices, Has.One.Contains("has no lora_alpha: 8 is taken"));
    }

    [Test]
    public void An_alpha_that_only_the_header_has_and_one_of_0_are_said()
    {
        using var scope = torch.NewDisposeScope();
        using nn.Module model = Flux2();
        List<string> notices = [];
        using var to = LoadingNotices.To(notices.Add);
        SafetensorsWriter.Write(
            folder.Of("x.safetensors"),
            Written(model, "FLUX.2", AdapterStyle.All["sd-scripts"], withAlpha: false),
            new Dictionary<string, string> { ["ss_network_alpha"] = "1" }
        );
        using (LoraAdapter.Load(model, folder.Path))
        {
            Assert.That(notices, Has.One.Contains("trained with alpha 1 (ss_network_alpha)"));
        }
        var tensors = Written(model, "FLUX.2", AdapterStyle.All["sd-scripts"], withAlpha: true);
        foreach (var name in tensors.Keys.Where(name => name.EndsWith(".alpha", StringComparison.Ordinal)).ToArray())
        {
            tensors[name] = torch.tensor(0f);
        }
        SafetensorsWriter.Write(folder.Of("x.safetensors"), tensors);
        using (LoraAdapter.Load(model, folder.Path))
        {
            Assert.That(notices, Has.One.Contains("alpha is 0 in every layer"));
        }
    }

    [Test]
    public void A_file_that_says_how_strong_it_is_needs_no_configuration_beside_it()
    {
        using var scope = torch.NewDisposeScope();
        using nn.Module model = Flux2();
        var expected = Merged(model, "FLUX.2", (alpha, rank) => alpha / rank);
        File.WriteAllText(folder.Of("adapter_config.json"), """{"peft_type":"LORA","lora_alpha":6}""");
        SafetensorsWriter.Write(
            folder.Of("x.safetensors"),
            Written(model, "FLUX.2", AdapterStyle.All["sd-scripts"], withAlpha: true)
        );

        MergesTo(model, folder.Path, expected);
    }
}
