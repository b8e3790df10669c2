// 8-bit weights come with a factor: a value is what is stored times it. Two spellings are in use, `<layer>.scale_weight` (with a
// tensor `scaled_fp8` that says so) and `<layer>.weight_scale`, one number for a weight or one per row. Both also store factors of
// the layer's input, for arithmetic in 8 bits, which there is none of here. What is stored otherwise (blocks of rows and columns,
// four-bit codes) is another thing than a weight and its factor, and is refused by the name of what wrote it.

namespace FlowBP.Formats;

/// <summary>A checkpoint whose weights are multiplied by the factors stored beside them.</summary>
internal sealed class ScaledCheckpoint : ICheckpointSource
{
    private const string Weight = ".weight";
    private const string Marker = "scaled_fp8";

    private static readonly string[] Factors = [".scale_weight", ".weight_scale"];

    private static readonly string[] WithoutEffect = [".scale_input", ".input_scale", ".comfy_quant"];

    // How the tensors that go with packed codes end, and whose they are.
    private static readonly (string Ending, string Kind)[] Packed =
    [
        (".quant_state.bitsandbytes__nf4", "quantized by bitsandbytes (nf4)"),
        (".quant_state.bitsandbytes__fp4", "quantized by bitsandbytes (fp4)"),
        (".weight.SCB", "quantized by bitsandbytes (int8)"),
        (".SCB", "quantized by bitsandbytes (int8)"),
        (".qweight", "quantized by GPTQ or AWQ"),
        (".weight_scale_inv", "quantized in blocks (weight_scale_inv)"),
        (".weight_scale_2", "quantized to four bits (nvfp4)"),
        (".weight._data", "quantized by optimum-quanto"),
        (".proj_down", "quantized by SVDQuant (nunchaku)"),
    ];

    private readonly ICheckpointSource source;
    private readonly OrderedDictionary<string, StoredTensor> tensors = new(StringComparer.Ordinal);
    private readonly Dictionary<string, string> factorOf = new(StringComparer.Ordinal);

    private ScaledCheckpoint(ICheckpointSource source)
    {
        this.source = source;
        foreach (var tensor in source.Tensors.Values)
        {
            if (FactorEnding(tensor.Name) is { } ending)
            {
                AddFactor(tensor, tensor.Name[..^ending.Length] + Weight);
            }
            else if (tensor.Name != Marker && !WithoutEffect.Any(end => EndsWith(tensor.Name, end)))
            {
                tensors.Add(tensor.Name, tensor);
            }
        }
    }

    /// <inheritdoc/>
    public string Path => source.Path;

    /// <inheritdoc/>
    public IReadOnlyDictionary<string, StoredTensor> Tensors => tensors;

    /// <summary>The checkpoint itself, or what multiplies its weights; what comes in packed codes is refused.</summary>
    /// <param name="source">An open checkpoint; it belongs to the result.</param>
    /// <exception cref="CheckpointException">It is quantized in a way that is not read here.</exception>
    public static ICheckpointSource Of(ICheckpointSource source)
    {
        try
        {
            foreach (var name in source.Tensors.Keys)
            {
                if (Array.Find(Packed, packed => EndsWith(name, packed.Ending)) is { Kind: { } kind })
                {
                    throw CheckpointException.ForFile(
                        source.Path,
                        $"is {kind}, which is not read here: take the weights in float32, float16, bfloat16 or"
                            + $" 8-bit floats (tensor '{CheckpointException.Shorten(name)}')"
                    );
                }
            }
            return source.Tensors.Keys.Any(name => name == Marker || FactorEnding(name) is not null)
                ? new ScaledCheckpoint(source)
                : source;
        }
        catch
        {
            source.Dispose();
            throw;
        }
    }

    /// <inheritdoc/>
    public void CopyInto(string name, Tensor destination, ValueCheck values = ValueCheck.None)
    {
        if (!factorOf.TryGetValue(name, out var factor))
        {
            source.CopyInto(name, destination, values);
            return;
        }
        using var scope = torch.NewDisposeScope();
        using var noGrad = torch.no_grad();
        var wide = torch.empty(tensors[name].Shape, ScalarType.Float32);
        source.CopyInto(name, wide, values);
        destination.copy_(wide * Column(factor, wide.shape));
    }

    /// <inheritdoc/>
    public Tensor Load(string name)
    {
        if (!factorOf.ContainsKey(name))
        {
            return source.Load(name);
        }
        var tensor = torch.empty(tensors[name].Shape, ScalarType.Float32);
        CopyInto(name, tensor);
        return tensor;
    }

    /// <summary>Closes the checkpoint.</summary>
    public void Dispose() => source.Dispose();

    private void AddFactor(StoredTensor factor, string weight)
    {
        if (!source.Tensors.TryGetValue(weight, out var stored))
        {
            throw CheckpointException.ForTensor(
                Path,
                factor.Name,
                $"it without '{weight}'",
                "the weight that it scales"
            );
        }
        var count = factor.Shape.Aggregate(1L, (n, extent) => n * extent);
        var fits = count == 1 || (stored.Shape.Length > 0 && count == stored.Shape[0] && factor.Shape[0] == count);
        if (!fits || !ElementTypes.IsFloating(factor.Type))
        {
            throw CheckpointException.ForTensor(
                Path,
                factor.Name,
                factor.ToString(),
                $"one factor for {stored}, or one for each of its rows"
            );
        }
        if (!factorOf.TryAdd(weight, factor.Name))
        {
            throw CheckpointException.ForTensor(Path, factor.Name, $"it and '{factorOf[weight]}'", "one of them");
        }
    }

    // As [rows, 1, …], or one number.
    private Tensor Column(string factor, long[] shape)
    {
        var values = torch.empty(source.Tensors[factor].Shape, ScalarType.Float32);
        source.CopyInto(factor, values, ValueCheck.Finite);
        return values.numel() == 1
            ? values.reshape(1)
            : values.reshape([values.numel(), .. Enumerable.Repeat(1L, shape.Length - 1)]);
    }

    private static string? FactorEnding(string name) => Array.Find(Factors, end => EndsWith(name, end));

    private static bool EndsWith(string name, string end) => name.EndsWith(end, StringComparison.Ordinal);
}
