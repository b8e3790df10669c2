// A configuration is a page of numbers, and the network that it asks for can be as large as they say. The weights beside it can't: they
// are as large as their file. So the sizes are multiplied first, and the network takes memory only if the weights could fill it.

using System.Runtime.InteropServices;
using FlowBP.Formats;

namespace FlowBP.Models.Layers;

/// <summary>Networks of a configuration and weights.</summary>
internal static class StoredNetwork
{
    // Tied weights are stored once and held twice. What is less than a few megabytes is told tensor by tensor when it is read.
    private const int MostPerStored = 2;
    private const long FreeElements = 1 << 20;

    /// <summary>A new network with its weights.</summary>
    /// <param name="config">The configuration's file, for messages.</param>
    /// <param name="weights">Where the weights lie, see <see cref="Checkpoint.Open"/>.</param>
    /// <param name="least">Numbers that the network has at least; null: unknown.</param>
    /// <param name="make">Makes the network.</param>
    /// <param name="fill">Reads its weights.</param>
    /// <exception cref="CheckpointException">
    /// The configuration asks for more than the weights have, or for what can't be built; or the weights are missing or damaged, or do
    /// not fit.
    /// </exception>
    public static T Load<T>(string config, string weights, Int128? least, Func<T> make, Action<T> fill)
        where T : nn.Module
    {
        if (least > FreeElements)
        {
            using var file = Checkpoint.Open(weights);
            var stored = file.Tensors.Values.Sum(tensor => tensor.Shape.Aggregate(1L, (n, extent) => n * extent));
            if (least / MostPerStored > stored)
            {
                throw CheckpointException.ForFile(
                    config,
                    $"asks for a network of {least} numbers or more, where {file.Path} holds {stored}: they don't belong together"
                );
            }
        }
        return Unfinished.Filled(Built(config, make), fill);
    }

    /// <summary>Makes a network; what a layer refuses of its sizes is said with the configuration's name.</summary>
    /// <param name="config">The configuration's file, for messages.</param>
    /// <param name="make">Makes it.</param>
    /// <exception cref="CheckpointException">No network can be built of the configuration.</exception>
    public static T Built<T>(string config, Func<T> make)
        where T : nn.Module
    {
        try
        {
            return make();
        }
        catch (Exception e) when (e is ExternalException or ArgumentException or ArithmeticException)
        {
            // Sizes that divide nothing, are negative or overflow are met by whoever builds a layer of them.
            var problem = e.Message.Split('\n')[0];
            throw CheckpointException.ForFile(config, $"describes a network that can't be built: {problem}", e);
        }
    }

    /// <summary>A product of sizes, be they negative or not.</summary>
    /// <param name="sizes">The sizes.</param>
    public static Int128 Product(params ReadOnlySpan<Int128> sizes)
    {
        var product = Int128.One;
        foreach (var size in sizes)
        {
            // Beyond 2^96 it is too much already.
            product = Int128.Min(product * Int128.Min(Int128.Abs(size), Int128.One << 31), Int128.One << 90);
        }
        return product;
    }
}
