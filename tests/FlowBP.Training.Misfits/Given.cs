// What misfits are made of: the smallest parts that calls accept, and tensors that they don't.

using FlowBP.Kernels;
using FlowBP.Surrogates;

namespace FlowBP.Tests.Misfits;

/// <summary>Tensors, modules and fields that calls are given.</summary>
internal static class Given
{
    public const int Batch = 2;
    public static readonly NoiseSchedule Schedule = NoiseSchedule.FlowMatchEuler(3);

    public static AutogradVelocityField Field(Func<Tensor, Tensor, Tensor> forward)
    {
        var weight = Weight();
        return VelocityField.Of(Linear(), (_, x, _, _) => forward(x, weight));
    }

    public static void Roll(Tensor noise, IVelocityField field)
    {
        using var cache = new Rollout(field, Schedule, new CpuLatentKernels(), ScalarType.Float32).Run(
            noise,
            Condition()
        );
    }

    public static T Spoiled<T>(T module, Action<Parameter> spoil)
        where T : nn.Module
    {
        foreach (var parameter in module.parameters())
        {
            spoil(parameter);
        }
        return module;
    }

    public static Parameter Spoiled(Parameter parameter, Action<Parameter> spoil)
    {
        spoil(parameter);
        return parameter;
    }

    public static Linear Linear(Device? device = null) => nn.Linear(3, 2, device: device);

    public static Parameter Weight() => nn.Parameter(torch.ones(2));

    public static Tensor Latents() => torch.ones(Batch, 3, 2, 2);

    public static Conditioning Condition() => new("c", torch.ones(Batch, 1));

    public static Tensor Strided() => torch.ones(2, 3).t();

    public static Tensor Meta(params long[] shape) => torch.ones(shape, device: torch.META);

#if TORCHSHARP
    public static Tensor Sparse() => torch.eye(3).to_sparse();
#endif

    public static Tensor Disposed()
    {
        var tensor = torch.ones(Batch, 3, 2, 2);
        tensor.Dispose();
        return tensor;
    }

    public static void Require(bool condition)
    {
        if (!condition)
        {
            throw new InvalidOperationException("it is not what it should be");
        }
    }
}
