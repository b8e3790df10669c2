// Small joint transformers with weights that are not zero anywhere, and a batch for them.

using FlowBP.Families.Networks;
using FlowBP.Families.SD3;
using FlowBP.Models.Layers;
using FlowBP.RandomStreams;
using FlowBP.Surrogates;

namespace FlowBP.Training.Tests;

/// <summary>A Stable Diffusion 3 transformer of test size and its inputs.</summary>
internal sealed class TransformerWorld : IDisposable
{
    private const int TextTokens = 5;

    public TransformerWorld(int layers = 3, int heads = 2, int size = 8, int batch = 2, bool guided = false)
    {
        Transformer = new(
            new SD3TransformerConfig
            {
                SampleSize = size,
                PatchSize = 2,
                InChannels = 4,
                OutChannels = 4,
                NumLayers = layers,
                AttentionHeadDim = 8,
                NumAttentionHeads = heads,
                JointAttentionDim = 12,
                PooledProjectionDim = 6,
                PosEmbedMaxSize = size,
                DualAttentionLayers = [1],
                QkNorm = true,
            }
        );
        ParameterInitialization.Apply(Transformer, seed: 7);
        using (torch.no_grad())
        {
            foreach (var (index, (_, parameter)) in Transformer.named_parameters().Index())
            {
                using var noise = Random(1000 + index, 0.05, parameter.shape);
                parameter.add_(noise);
            }
        }
        Noise = Random(1, 1, batch, 4, size, size);
        Cotangent = Random(2, 1, batch, 4, size, size);
        Sigma = torch.linspace(0.3, 0.9, batch).to(ScalarType.Float32);
        Conditioning = Branch(3, batch, guided ? Branch(5, batch, null) : null);
    }

    public SD3Transformer2DModel Transformer { get; }
    public Tensor Noise { get; }
    public Tensor Cotangent { get; }
    public Tensor Sigma { get; }
    public Conditioning Conditioning { get; }

    /// <summary>Every parameter's gradient by name, and the input's.</summary>
    public (Dictionary<string, double[]> Parameters, double[] Input) Pull(IVelocityField field)
    {
        Transformer.zero_grad();
        using var input = field.Vjp(Noise, Sigma, Conditioning, Cotangent, wantInputGradient: true);
        return (
            Transformer
                .named_parameters()
                .Where(each => each.parameter.grad is not null)
                .ToDictionary(each => each.name, each => Numbers(each.parameter.grad!)),
            Numbers(input!)
        );
    }

    /// <summary>‖actual − expected‖ / ‖expected‖.</summary>
    public static double RelativeNorm(double[] actual, double[] expected) =>
        Math.Sqrt(actual.Zip(expected).Sum(pair => Math.Pow(pair.First - pair.Second, 2)))
        / Math.Sqrt(expected.Sum(value => value * value));

    public void Dispose()
    {
        Transformer.Dispose();
        Noise.Dispose();
        Cotangent.Dispose();
        Sigma.Dispose();
        Conditioning.Dispose();
    }

    private static Conditioning Branch(int stream, int batch, Conditioning? negative) =>
        FlowTransformer.Condition(Random(stream, 1, batch, TextTokens, 12), Random(stream + 1, 1, batch, 6), negative);

    public static Tensor Random(long stream, double scale, params long[] shape)
    {
        var values = new float[shape.Aggregate(1L, (product, extent) => product * extent)];
        RandomStream.For(11, stream, 0, RandomPurpose.InitialNoise).FillNormal(values);
        return torch.tensor([.. values.Select(value => (float)(value * scale))], shape);
    }
}
