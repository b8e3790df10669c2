// A configuration is a page of numbers, and the network that it asks for can be as large as they say. The weights beside it can't: they
// are as large as their file. So the network is built on paper first, and takes memory only if the weights could fill it.

using System.Runtime.InteropServices;
using FlowBP.Formats;

namespace FlowBP.Models.Layers;

/// <summary>Networks of a configuration and weights.</summary>
internal static class StoredNetwork
{
    // Tied weights are stored once and held twice, and tables of positions are not stored at all. What is less than a few megabytes is
    // told tensor by tensor when it is read.
    private const int MostPerStored = 2;
    private const long FreeElements = 1 << 20;

    /// <summary>A new network with its weights.</summary>
    /// <param name="config">The configuration's file, for messages.</param>
    /// <param name="weights">Where the weights lie, see <see cref="Checkpoint.Open"/>.</param>
    /// <param name="make">Makes the network; called twice, first while new tensors have no memory.</param>
    /// <param name="fill">Reads its weights.</param>
    /// <exception cref="CheckpointException">
    /// No network can be built of the configuration, or one that is larger than the weights; these are missing or damaged, or do not fit.
    /// </exception>
    public static T Load<T>(string config, string weights, Func<T> make, Action<T> fill)
        where T : nn.Module
    {
        var asked = ElementsOnPaper(config, make);
        using (var file = Checkpoint.Open(weights))
        {
            var stored = file.Tensors.Values.Sum(tensor => tensor.Shape.Aggregate(1L, (n, extent) => n * extent));
            if (asked > FreeElements && asked / MostPerStored > stored)
            {
                throw CheckpointException.ForFile(
                    config,
                    $"asks for a network of {asked} numbers, where {file.Path} holds {stored}: they don't belong together"
                );
            }
        }
        return Unfinished.Filled(make(), fill);
    }

    /// <summary>Calls a constructor while new tensors of this thread go to the <c>meta</c> device, where they have no memory.</summary>
    /// <param name="make">Makes the network through factories, and reads no values.</param>
    public static T OnPaper<T>(Func<T> make)
        where T : nn.Module
    {
        var previous = torch.get_default_device();
        torch.set_default_device(torch.META);
        try
        {
            return make();
        }
        finally
        {
            torch.set_default_device(previous);
        }
    }

    /// <summary>A network on paper; what a layer refuses of its sizes is said with the configuration's name.</summary>
    /// <param name="config">The configuration's file, for messages.</param>
    /// <param name="make">As in <see cref="OnPaper{T}(Func{T})"/>.</param>
    /// <exception cref="CheckpointException">No network can be built of the configuration.</exception>
    public static T OnPaper<T>(string config, Func<T> make)
        where T : nn.Module
    {
        try
        {
            return OnPaper(make);
        }
        catch (Exception e) when (e is ExternalException or ArgumentException or ArithmeticException)
        {
            // Sizes that divide nothing, are negative or overflow are met by whoever builds a layer of them.
            var problem = e.Message.Split('\n')[0];
            throw CheckpointException.ForFile(config, $"describes a network that can't be built: {problem}", e);
        }
    }

    private static Int128 ElementsOnPaper<T>(string config, Func<T> make)
        where T : nn.Module
    {
        using var scope = torch.NewDisposeScope();
        using var network = OnPaper(config, make);
        return network.state_dict().Values.Aggregate(Int128.Zero, (sum, tensor) => sum + tensor.numel());
    }
}
