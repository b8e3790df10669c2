// The low-rank change of one linear layer: y + (alpha / rank) · x Aᵀ Bᵀ. It is hooked onto the layer's calls rather than put in
// its place, so the layer stays where its owner holds it, and the names in the owner's checkpoint stay as they are.
//
// Shapes: I inputs, O outputs, R rank.

using FlowBP.RandomStreams;

namespace FlowBP.Models.Adapters;

/// <summary>A trained change of a linear layer. Its parameters are Float32, whatever the layer's own type is.</summary>
public sealed class LoraLayer : nn.Module<Tensor, Tensor>
{
    private readonly Linear lora_A;
    private readonly Linear lora_B;

    internal LoraLayer(string path, Linear layer, int rank, double alpha, double scaling)
        : base(nameof(LoraLayer))
    {
        Path = path;
        Layer = layer;
        Rank = rank;
        Alpha = alpha;
        Scaling = scaling;
        var device = layer.weight!.device;
        lora_A = nn.Linear(layer.in_features, rank, hasBias: false, device, ScalarType.Float32);
        lora_B = nn.Linear(rank, layer.out_features, hasBias: false, device, ScalarType.Float32);
        // By name: the adapted layer is a field too, but no part of this module.
        register_module(nameof(lora_A), lora_A);
        register_module(nameof(lora_B), lora_B);
    }

    /// <summary>Dotted path of the layer in its model.</summary>
    public string Path { get; }

    /// <summary>Rank of the change.</summary>
    public int Rank { get; }

    /// <summary>Numerator of the strength.</summary>
    public double Alpha { get; }

    /// <summary>The strength: what the product of the factors is multiplied with.</summary>
    public double Scaling { get; }

    /// <summary>The first factor, [R, I].</summary>
    public Parameter A_RI => lora_A.weight!;

    /// <summary>The second factor, [O, R].</summary>
    public Parameter B_OR => lora_B.weight!;

    /// <summary>The layer that is changed; it belongs to its model.</summary>
    public Linear Layer { get; }

    /// <summary>The change of the layer's result, in Float32.</summary>
    /// <param name="input">The layer's input, [..., I], of any floating-point type.</param>
    /// <returns>[..., O].</returns>
    public override Tensor forward(Tensor input)
    {
        using var scope = torch.NewDisposeScope();
        var wide = input.dtype == ScalarType.Float32 ? input : input.to_type(ScalarType.Float32);
        return (lora_B.call(lora_A.call(wide)) * Scaling).MoveToOuterDisposeScope();
    }

    /// <summary>The layer's result with the change, in the result's type.</summary>
    internal Tensor Changed(Tensor input, Tensor result)
    {
        using var scope = torch.NewDisposeScope();
        var change = call(input);
        var sum = result.dtype == ScalarType.Float32 ? result + change : (result + change).to_type(result.dtype);
        return sum.MoveToOuterDisposeScope();
    }

    /// <summary>
    /// PEFT's start: A uniform in ±1/√I (Kaiming's uniform with a = √5, as a new linear layer), B zero, so that the model
    /// is unchanged at first.
    /// </summary>
    /// <param name="seed">Seed of the run.</param>
    internal void Initialize(ulong seed)
    {
        using var scope = torch.NewDisposeScope();
        using var noGrad = torch.no_grad();
        var values = new float[A_RI.numel()];
        var bound = 1 / Math.Sqrt(A_RI.shape[1]);
        // The stream's address is the layer's path: adapting one layer more changes no other's start.
        var stream = RandomStream.For(seed, step: 0, Address(Path), RandomPurpose.Weights);
        for (var i = 0; i < values.Length; i++)
        {
            values[i] = (float)(bound * (2 * stream.NextDouble() - 1));
        }
        A_RI.copy_(torch.tensor(values).reshape(A_RI.shape));
        B_OR.zero_();
    }

    /// <summary>The layer's own weight with the change, [O, I], computed in Float32 and rounded once to the weight's type.</summary>
    internal Tensor MergedWeight()
    {
        using var scope = torch.NewDisposeScope();
        using var noGrad = torch.no_grad();
        Tensor weight_OI = Layer.weight!;
        var change_OI = B_OR.mm(A_RI) * Scaling;
        return (weight_OI.to_type(ScalarType.Float32) + change_OI).to_type(weight_OI.dtype).MoveToOuterDisposeScope();
    }

    // FNV-1a over the path, within the streams' address space.
    private static long Address(string path)
    {
        var hash = 0xCBF29CE484222325;
        foreach (var c in path)
        {
            hash = (hash ^ c) * 0x100000001B3;
        }
        return (long)((hash ^ (hash >> 44)) % (ulong)RandomStream.AddressLimit);
    }
}
