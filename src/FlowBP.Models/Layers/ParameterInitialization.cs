// Weights of a new model, the same on every machine: each parameter has a stream of its own, keyed by the seed and by its
// name, and each element is a pure function of that key and the element's index. Adding a layer changes no other layer's
// weights. The generator is SplitMix64 used as a counter (Steele, Lea, Flood 2014): a bijective mix of key + (i + 1)·φ.
//
// What a parameter starts as follows from its name and shape, because the names are the ecosystem's and say what it is.

namespace FlowBP.Models.Layers;

/// <summary>Seeded initialisation of new models.</summary>
public static class ParameterInitialization
{
    /// <summary>Overwrites every parameter of a module.</summary>
    /// <param name="module">
    /// The module. Matrices and kernels become Xavier-uniform, biases 0, norm weights 1, embedding tables normal with
    /// deviation 0.02; modulations (<c>norm*.linear</c>) and <c>proj_out</c> 0, so that a new joint transformer starts
    /// as the zero velocity with every block the identity. Scalars, such as a logit scale, keep their value.
    /// </param>
    /// <param name="seed">Any number; the same seed gives the same weights.</param>
    public static void Apply(nn.Module module, ulong seed)
    {
        using var scope = torch.NewDisposeScope();
        using var noGrad = torch.no_grad();
        foreach (var (name, parameter) in module.named_parameters())
        {
            if (Initial(name, parameter.shape, seed) is { } values)
            {
                parameter.copy_(torch.tensor(values).reshape(parameter.shape));
            }
        }
    }

    /// <summary>The initial values of one parameter, row-major; null for a scalar, which keeps its own.</summary>
    private static float[]? Initial(string name, long[] shape, ulong seed)
    {
        var count = (int)shape.Aggregate(1L, (n, extent) => n * extent);
        var path = name.Split('.');
        var leaf = path[^1];
        var owner = path.Length > 1 ? path[^2] : "";
        var above = path.Length > 2 ? path[^3] : "";
        var stream = new Stream(seed, name);

        if (shape.Length == 0)
        {
            return null;
        }
        if (leaf.EndsWith("bias", StringComparison.Ordinal))
        {
            return new float[count];
        }
        if (name == "proj_out.weight" || (owner == "linear" && above.StartsWith("norm", StringComparison.Ordinal)))
        {
            return new float[count];
        }
        if (leaf == "class_embedding")
        {
            return stream.Normal(count, 1 / Math.Sqrt(count));
        }
        if (shape.Length == 1)
        {
            return [.. Enumerable.Repeat(1f, count)];
        }
        if (
            owner.EndsWith("embedding", StringComparison.Ordinal) && shape.Length == 2
            || leaf == "positional_embedding"
        )
        {
            return stream.Normal(count, 0.02);
        }
        var receptive = shape.Skip(2).Aggregate(1L, (n, extent) => n * extent);
        return stream.Uniform(count, Math.Sqrt(6.0 / ((shape[0] + shape[1]) * receptive)));
    }

    private readonly struct Stream
    {
        private const ulong Golden = 0x9E3779B97F4A7C15;
        private readonly ulong key;

        public Stream(ulong seed, string name)
        {
            // FNV-1a over the name, then mixed with the seed.
            var hash = 0xCBF29CE484222325;
            foreach (var c in name)
            {
                hash = (hash ^ c) * 0x100000001B3;
            }
            key = Mix(hash ^ Mix(seed + Golden));
        }

        /// <summary>Uniform in (−bound, bound).</summary>
        public float[] Uniform(int count, double bound)
        {
            var values = new float[count];
            for (var i = 0; i < count; i++)
            {
                values[i] = (float)((2 * Unit((ulong)i) - 1) * bound);
            }
            return values;
        }

        /// <summary>Normal with the given deviation, by Box and Muller's transform.</summary>
        public float[] Normal(int count, double deviation)
        {
            var values = new float[count];
            for (var i = 0; i < count; i++)
            {
                var radius = Math.Sqrt(-2 * Math.Log(Unit(2 * (ulong)i)));
                values[i] = (float)(deviation * radius * Math.Cos(2 * Math.PI * Unit(2 * (ulong)i + 1)));
            }
            return values;
        }

        // In (0, 1): the half keeps zero out of the logarithm.
        private double Unit(ulong index) => ((Mix(key + (index + 1) * Golden) >> 11) + 0.5) * (1.0 / (1UL << 53));

        private static ulong Mix(ulong z)
        {
            z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9;
            z = (z ^ (z >> 27)) * 0x94D049BB133111EB;
            return z ^ (z >> 31);
        }
    }
}
