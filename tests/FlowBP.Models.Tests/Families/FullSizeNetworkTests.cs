// The released configurations have the released tensors. A network of that size is not built here: its heads are thinned to one,
// which keeps every name and divides every extent that the width of the streams determines.

using System.Text.Json.Nodes;
using FlowBP.Families.Flux1;
using FlowBP.Families.Flux2;
using FlowBP.Formats;
using FlowBP.Models.Autoencoders;

namespace FlowBP.Models.Tests;

public sealed class FullSizeNetworkTests
{
    private DisposeScope scope = null!;

    [SetUp]
    public void OpenScope() => scope = torch.NewDisposeScope();

    [TearDown]
    public void CloseScope() => scope.Dispose();

    private static IEnumerable<TestCaseData> Transformers()
    {
        yield return Case(
            "flux.1-dev-transformer",
            json =>
            {
                var full = FluxTransformerConfig.Read(json);
                return (new FluxTransformer2DModel(full with { NumAttentionHeads = 1 }), full.NumAttentionHeads);
            }
        );
        yield return Case(
            "flux.2-klein-9b-transformer",
            json =>
            {
                var full = Flux2TransformerConfig.Read(json);
                return (new Flux2Transformer2DModel(full with { NumAttentionHeads = 1 }), full.NumAttentionHeads);
            }
        );

        static TestCaseData Case(string name, Func<ConfigReader, (nn.Module Thin, int Heads)> build) =>
            new TestCaseData(name, build).SetArgDisplayNames(name);
    }

    [TestCaseSource(nameof(Transformers))]
    public void A_released_transformer_has_the_released_tensors(
        string name,
        Func<ConfigReader, (nn.Module Thin, int Heads)> build
    )
    {
        var (json, expected) = Recorded(name);
        var (thin, heads) = build(json);

        var state = thin.state_dict();

        Assert.That(state.Keys, Is.EquivalentTo(expected.Keys));
        foreach (var (tensor, extents) in expected)
        {
            var thinned = state[tensor].shape;
            Assert.That(thinned, Has.Length.EqualTo(extents.Length), tensor);
            for (var i = 0; i < extents.Length; i++)
            {
                Assert.That(extents[i], Is.EqualTo(thinned[i]).Or.EqualTo(heads * thinned[i]), tensor);
            }
        }
    }

    [TestCase("flux.2-vae")]
    [TestCase("sd3-flux1-vae")]
    public void A_released_autoencoder_has_the_released_tensors(string name)
    {
        var (json, expected) = Recorded(name);

        using nn.Module vae =
            name == "flux.2-vae"
                ? new AutoencoderKLFlux2(AutoencoderKLFlux2Config.Read(json))
                : new AutoencoderKL(AutoencoderKLConfig.Read(json));

        var found = vae.state_dict().ToDictionary(pair => pair.Key, pair => pair.Value.shape);
        Assert.That(found, Is.EquivalentTo(expected));
    }

    private static (ConfigReader Config, Dictionary<string, long[]> Tensors) Recorded(string name)
    {
        var file = SharedFolder.Require($"goldens/full_size/{name}.json");
        var json = JsonNode.Parse(File.ReadAllText(file))!;
        return (
            ConfigReader.Parse(file, json["config"]!.ToJsonString()),
            json["tensors"]!
                .AsObject()
                .ToDictionary(
                    pair => pair.Key,
                    pair => (long[])[.. pair.Value!.AsArray().Select(extent => extent!.GetValue<long>())]
                )
        );
    }
}
