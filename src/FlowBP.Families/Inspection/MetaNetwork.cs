// A network without memory: its modules, names and shapes are what they always are, its tensors are libtorch's `meta`, which
// have a shape and no storage. So the layout of a network of any size is known in the time that building its modules takes.

namespace FlowBP.Families.Inspection;

/// <summary>Builds networks whose tensors have no memory.</summary>
public static class MetaNetwork
{
    /// <summary>Calls a constructor while new tensors of this thread go to the <c>meta</c> device.</summary>
    /// <param name="make">
    /// Makes the network. Its constructor may create tensors only through factories, and must not read values.
    /// </param>
    /// <returns>The network. It can be asked for names, shapes and types, and computes nothing.</returns>
    public static T Build<T>(Func<T> make)
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

    /// <summary>Number of elements of the parameters of a network.</summary>
    /// <param name="make">As in <see cref="Build"/>.</param>
    public static long Parameters(Func<nn.Module> make)
    {
        using var network = Build(make);
        return NetworkLayout.Of(network).Parameters ?? 0;
    }
}
