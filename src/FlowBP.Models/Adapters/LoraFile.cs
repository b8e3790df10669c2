// An adapter on disk. Two tensors per layer, whatever they are called (FactorNames) and whatever the layer is called (LayerNames). Rank
// is their shape. The strength is not: it lies in a scalar `….alpha` per layer, or in PEFT's settings, which diffusers keeps in the
// header's metadata and PEFT in adapter_config.json; and where neither is, alpha is the rank. What is written is diffusers' form.

using FlowBP.Formats;

namespace FlowBP.Models.Adapters;

/// <summary>One layer of the network, and the rows of a file's tensors that change it.</summary>
internal sealed record LoraFileEntry
{
    /// <summary>Dotted path in the model.</summary>
    public required string Path { get; init; }

    /// <summary>Name of the first factor's tensor.</summary>
    public required string A { get; init; }

    /// <summary>Name of the second factor's tensor.</summary>
    public required string B { get; init; }

    /// <summary>First row of the second factor that is this layer's.</summary>
    public long FirstRow { get; init; }

    /// <summary>Whether the two halves of these rows change places.</summary>
    public bool SwapsHalves { get; init; }

    /// <summary>Rank of the change.</summary>
    public required int Rank { get; init; }

    /// <summary>Numerator of the strength.</summary>
    public required double Alpha { get; init; }

    /// <summary>The strength.</summary>
    public required double Scaling { get; init; }
}

internal sealed class LoraFile : IDisposable
{
    public const string Name = "pytorch_lora_weights.safetensors";
    public const string TransformerPrefix = "transformer";

    private readonly ICheckpointSource tensors;

    private LoraFile(ICheckpointSource tensors, LoraSettings settings, LoraFileReader reader)
    {
        this.tensors = tensors;
        Entries = reader.Entries(tensors, settings);
        Config = settings.ToConfig(Entries);
    }

    /// <summary>The layers, by path.</summary>
    public IReadOnlyList<LoraFileEntry> Entries { get; }

    /// <summary>The settings as far as they are one for all layers.</summary>
    public LoraConfig Config { get; }

    /// <summary>Opens an adapter of a network.</summary>
    /// <param name="path">A file, or the folder that it lies in.</param>
    /// <param name="model">The network.</param>
    /// <param name="layers">Its linear layers, by path.</param>
    /// <param name="prefix">The network's part in a pipeline.</param>
    /// <exception cref="CheckpointException">It is missing or damaged, no plain LoRA, or does not fit the network.</exception>
    public static LoraFile Open(string path, nn.Module model, IReadOnlyDictionary<string, Linear> layers, string prefix)
    {
        var location = LoraLocation.Find(path);
        var tensors = WeightsFile.Open(location.File);
        try
        {
            return new LoraFile(
                tensors,
                Settings(location, tensors, prefix),
                new LoraFileReader(model, layers, prefix)
            );
        }
        catch
        {
            tensors.Dispose();
            throw;
        }
    }

    private static LoraSettings Settings(LoraLocation location, ICheckpointSource tensors, string prefix)
    {
        if (location is { IsPeft: true, Config: { } own })
        {
            return LoraSettings.OfPeft(own);
        }
        var settings = LoraSettings.OfHeader(tensors, prefix);
        if (
            location.Config is not { } beside
            || settings.HasAlpha
            || tensors.Tensors.Keys.Any(name => FactorNames.Parse(name) is (_, FactorRole.Alpha))
        )
        {
            return settings;
        }
        LoadingNotices.Say($"{location.File} says nothing of its strength: {beside} is taken for it");
        return LoraSettings.OfPeft(beside);
    }

    public static void Write(
        string file,
        string prefix,
        LoraConfig config,
        IReadOnlyList<LoraLayer> layers,
        ScalarType? dtype,
        IReadOnlyDictionary<string, Tensor>? copies = null
    )
    {
        var content = layers.SelectMany(layer =>
            new[]
            {
                new TensorToWrite(
                    $"{prefix}.{layer.Path}.lora_A.weight",
                    Of(layer, "lora_A.weight", layer.A_RI),
                    dtype
                ),
                new TensorToWrite(
                    $"{prefix}.{layer.Path}.lora_B.weight",
                    Of(layer, "lora_B.weight", layer.B_OR),
                    dtype
                ),
            }
        );
        var header = new Dictionary<string, string>(SafetensorsWriter.UsualMetadata)
        {
            [LoraMetadata.Key] = LoraMetadata.Json(prefix, config, layers),
        };
        AtomicFile.Write(file, SafetensorsWriter.Content([.. content], header));

        Tensor Of(LoraLayer layer, string name, Tensor own) => copies is null ? own : copies[$"{layer.Path}.{name}"];
    }

    public void CopyInto(LoraFileEntry entry, LoraLayer layer)
    {
        tensors.CopyInto(entry.A, layer.A_RI, ValueCheck.Finite);
        if (tensors.Tensors[entry.B].Shape[0] == layer.B_OR.shape[0] && !entry.SwapsHalves)
        {
            tensors.CopyInto(entry.B, layer.B_OR, ValueCheck.Finite);
            return;
        }
        using var scope = torch.NewDisposeScope();
        using var noGrad = torch.no_grad();
        var whole = torch.empty(tensors.Tensors[entry.B].Shape, ScalarType.Float32);
        tensors.CopyInto(entry.B, whole, ValueCheck.Finite);
        var rows = whole.narrow(0, entry.FirstRow, layer.B_OR.shape[0]);
        layer.B_OR.copy_(entry.SwapsHalves ? Original.OriginalCheckpoint.Swapped(rows) : rows);
    }

    public void Dispose() => tensors.Dispose();
}
