// Tensors to files and back.

using FlowBP.Formats;
using static FlowBP.Tests.Misfits.Given;
using static FlowBP.Tests.Misfits.Misfit;

namespace FlowBP.Tests.Misfits;

/// <summary>Calls that write and read files.</summary>
internal static class FileMisfits
{
    public static IEnumerable<Misfit> All() =>
        [
            Written("a disposed tensor", Disposed, "'t'", "disposed"),
            Written("a meta tensor", () => Meta(2), "'t'", "meta"),
#if TORCHSHARP
            Written("a complex tensor", () => torch.ones([2], ScalarType.ComplexFloat32), "'t'", "Complex"),
            Written("a sparse tensor", Sparse, "'t'", "sparse"),
#endif
            Written("a strided tensor", Strided),
            Written("a scalar", () => torch.tensor(1f)),
            Written("an empty tensor", () => torch.empty([0, 3])),
            Written("a tensor that requires gradients", () => torch.ones(2).requires_grad_()),
            Of("weights of a module that was disposed", () => Saved(Spoiled(Linear(), p => p.Dispose())), "disposed"),
            Of("weights of a module on meta", () => Saved(Linear(torch.META)), "meta"),
            Of(
                "weights with a change of another shape",
                () => Saved(Linear(), new() { ["bias"] = () => torch.ones(5) }),
                "'bias'",
                "[5]",
                "[2]"
            ),
            Loaded("a module on meta", () => Linear(torch.META), "meta", "ToEmpty"),
            Loaded("a module that was disposed", () => Spoiled(Linear(), p => p.Dispose()), "disposed"),
            Loaded("a module of another shape", () => nn.Linear(4, 2), "found [2, 3], expected [2, 4]"),
            Loaded(
                "a module of strided parameters",
                () =>
                {
                    var linear = Linear();
                    linear.weight!.Become(torch.ones(3, 2).t());
                    return linear;
                }
            ),
        ];

    private static Misfit Written(string what, Func<Tensor> tensor, params string[] said) =>
        Of($"writing {what}", () => InFile(file => Write(file, tensor())), said);

    private static void Write(string file, Tensor tensor) =>
        SafetensorsWriter.Write(file, new Dictionary<string, Tensor> { ["t"] = tensor });

    private static void Saved(nn.Module module, Dictionary<string, Func<Tensor>>? changes = null) =>
        InFile(file => Checkpoint.Save(module, file, changes: changes));

    private static Misfit Loaded(string what, Func<nn.Module> module, params string[] said) =>
        Of(
            $"loading into {what}",
            () =>
                InFile(file =>
                {
                    Checkpoint.Save(Linear(), file);
                    Checkpoint.LoadInto(module(), file);
                }),
            said
        );

    private static void InFile(Action<string> use)
    {
        var file = Path.Combine(Directory.CreateTempSubdirectory("flowbp-misfit-").FullName, "t.safetensors");
        try
        {
            use(file);
        }
        finally
        {
            Directory.Delete(Path.GetDirectoryName(file)!, recursive: true);
        }
    }
}
