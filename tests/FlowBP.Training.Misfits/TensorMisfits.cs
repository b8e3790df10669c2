// Addresses and identities of tensors.

using static FlowBP.Tests.Misfits.Given;
using static FlowBP.Tests.Misfits.Misfit;

namespace FlowBP.Tests.Misfits;

/// <summary>Calls with tensors themselves.</summary>
internal static class TensorMisfits
{
    public static IEnumerable<Misfit> Pointers() =>
        [
            Of("address of nothing", () => TensorPointer.Of(null!), "tensor"),
            Of("address of a disposed tensor", () => TensorPointer.Of(Disposed()), "disposed"),
            Of("address of a meta tensor", () => TensorPointer.Of(Meta(2, 3)), "[2, 3] is on meta"),
            Of("address of a strided tensor", () => TensorPointer.Of(Strided()), "[3, 2] is strided", "contiguous()"),
#if TORCHSHARP
            // With the own binding no tensor is sparse or complex.
            Of("address of a sparse tensor", () => TensorPointer.Of(Sparse()), "sparse"),
#endif
            Of("address of a scalar", () => Require(TensorPointer.Of(torch.tensor(1.0f)) != 0)),
            Of("address of an empty tensor", () => Require(TensorPointer.Of(torch.empty(0)) == 0)),
            Of("address of a parameter", () => Require(TensorPointer.Of(torch.ones(2).requires_grad_()) != 0)),
            Of(
                "address of a tensor of another device",
                () => TensorPointer.Of(torch.ones(2), deviceIndex: 0),
                "kernels work on cuda:0",
                "[2] is on cpu",
                "move it there first"
            ),
            Of("stream of a GPU that is not there", () => CudaStream.Current(99), "current stream of cuda:99"),
        ];

    public static IEnumerable<Misfit> Identities() =>
        [
            Of("disposed tensor becomes", () => Disposed().Become(torch.ones(2)), "disposed"),
            Of("tensor becomes a disposed one", () => torch.ones(2).Become(Disposed()), "disposed"),
            Of("tensor becomes nothing", () => torch.ones(2).Become(null!), "other"),
            Of(
                "memory for a module that was disposed",
                () => Spoiled(Linear(), parameter => parameter.Dispose()).ToEmpty(torch.CPU, ScalarType.Float32),
                "disposed"
            ),
        ];
}
