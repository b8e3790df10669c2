// A fixture on disk: a configuration, weights, inputs with outputs and gradients, and notes. This class knows the layout;
// the fixtures of the single networks know what the tensors mean.

using System.Text.Json;
using FlowBP.Formats;

namespace FlowBP.Verification.Networks;

internal sealed class FixtureFolder : IDisposable
{
    private readonly JsonDocument meta;

    private readonly bool isWide;

    /// <param name="path">The folder.</param>
    /// <param name="device">Where the network is to compute.</param>
    /// <param name="isWide">Whether weights, inputs and references are widened to float64, so that everything computes there.</param>
    public FixtureFolder(string path, Device device, bool isWide = false)
    {
        this.isWide = isWide;
        Folder = path;
        Device = device;
        var metaFile = Path.Combine(path, "meta.json");
        try
        {
            meta = JsonDocument.Parse(File.ReadAllText(metaFile));
        }
        catch (JsonException e)
        {
            throw new CheckpointException($"{metaFile}: is not valid JSON: {e.Message}", e);
        }
        Io = SafetensorsFile.Open(Path.Combine(path, "io.safetensors"));
        Network = DescribeNetwork();
    }

    public string Folder { get; }

    /// <summary>Where the network is to compute.</summary>
    public Device Device { get; }

    /// <summary>Inputs, outputs and gradients.</summary>
    public SafetensorsFile Io { get; }

    public JsonElement Meta => meta.RootElement;

    public string ConfigFile => Path.Combine(Folder, "config.json");

    public string WeightsFile => Path.Combine(Folder, "model.safetensors");

    /// <summary>Everything the folder says about which network it is, in one string to search.</summary>
    public string Network { get; }

    public bool Has(string tensor) => Io.Entries.ContainsKey(tensor);

    public Tensor Load(string tensor) => Widened(Io.Load(tensor)).to(Device);

    /// <summary>An input that gradients are taken with respect to.</summary>
    public Tensor LoadLeaf(string tensor) => Load(tensor).requires_grad_();

    /// <summary>A network with the fixture's weights, where it is to compute.</summary>
    public T Loaded<T>(T network)
        where T : nn.Module
    {
        Checkpoint.LoadInto(network, WeightsFile);
        return Placed(network);
    }

    /// <summary>A network that has its weights, where and in which precision it is to compute.</summary>
    public T Placed<T>(T network)
        where T : nn.Module
    {
        network.to(Device);
        if (isWide)
        {
            foreach (var tensor in network.parameters().Concat(network.buffers()))
            {
                tensor.Become(Widened(tensor));
            }
            NativeLayers.TakeParameters(network);
        }
        return network;
    }

    private Tensor Widened(Tensor tensor) =>
        isWide && tensor.is_floating_point()
            ? tensor.detach().to(ScalarType.Float64).requires_grad_(tensor.requires_grad)
            : tensor;

    public void Dispose()
    {
        Io?.Dispose();
        meta.Dispose();
    }

    private string DescribeNetwork()
    {
        var names = new List<string>();
        if (Meta.TryGetProperty("model", out var model) && model.ValueKind == JsonValueKind.String)
        {
            names.Add(model.GetString()!);
        }
        if (File.Exists(ConfigFile))
        {
            var config = ConfigReader.Open(ConfigFile);
            names.Add(config.OptionalText("_class_name") ?? "");
            names.AddRange(config.Texts("architectures", []));
        }
        return string.Join(" ", names.Where(name => name.Length > 0));
    }
}
