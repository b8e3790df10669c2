// Weights under the original names, joined and swapped as their family joins them, in shapes that nobody joins.

using FlowBP.Families;
using FlowBP.Formats;
using FlowBP.Tests.Fuzzing;
using static FlowBP.Models.Tests.TestNetworks;

namespace FlowBP.Models.Tests.Fuzzing;

public sealed class OriginalNamesFuzzTests
{
    private static readonly string[] s_families = ["sd35", "flux", "flux2"];

    private TemporaryFolder folder = null!;

    [SetUp]
    public void CreateFolder() => folder = new();

    [TearDown]
    public void DeleteFolder() => folder.Dispose();

    [TestCaseSource(nameof(s_families))]
    public void Fuzz_weights_under_original_names_are_loaded_or_refused_by_name(string name)
    {
        var (family, network, config) = name switch
        {
            "sd35" => (ModelFamilies.SD35, (nn.Module)Transformer(), TransformerConfig.ToJson()),
            "flux" => (ModelFamilies.Flux1, Flux(), FluxConfig.ToJson()),
            _ => (ModelFamilies.Flux2, Flux2(), Flux2Config.ToJson()),
        };
        using var scope = torch.NewDisposeScope();
        using var original = network;
        var valid = OriginalForm.Of(original);
        folder.Write("config.json", config);
        var file = folder.Of("diffusion_pytorch_model.safetensors");
        var law = new ReaderLaw(folder.Path, typeof(CheckpointException));
        for (var number = 0; number < FuzzCases.Count(300); number++)
        {
            var random = FuzzCases.Random(120 + Array.IndexOf(s_families, name), number);
            using var inner = torch.NewDisposeScope();
            var tensors = new Dictionary<string, Tensor>(valid);
            for (var changes = random.Next(0, 3); changes > 0; changes--)
            {
                Change(tensors, random);
            }
            SafetensorsWriter.Write(file, tensors);
            law.Require(number, new FileInfo(file).Length, () => family.LoadTransformer(folder.Path).Dispose());
        }
        law.RequireKept();
    }

    private static void Change(Dictionary<string, Tensor> tensors, Random random)
    {
        string[] names = [.. tensors.Keys.Order(StringComparer.Ordinal)];
        var name = HostileValues.Of(random, names);
        var other = HostileValues.Of(random, names);
        switch (random.Next(6))
        {
            case 0:
                tensors[name] = torch.tensor(1f);
                break;
            case 1:
                tensors[name] = torch.zeros(0, 3);
                break;
            case 2:
                tensors[name] = tensors[other];
                break;
            case 3:
                tensors.Remove(name);
                break;
            case 4:
                tensors[name.Replace("0", HostileValues.Of(random, (string[])["7", "-1", "99999999999", "x"]))] =
                    tensors[name];
                break;
            default:
                tensors[name] = torch.ones(Math.Max(1, tensors[name].numel() - 1));
                break;
        }
    }
}
