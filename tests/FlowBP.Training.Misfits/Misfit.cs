// Every kind of tensor that a caller may give by mistake, given to every public call that reads tensors by itself.

using FlowBP.Formats;
using FlowBP.Kernels;
using FlowBP.Models.Images;
using FlowBP.Models.Rewards;
using FlowBP.Surrogates;
using FlowBP.Training.Optimization;

namespace FlowBP.Tests.Misfits;

/// <summary>A call with tensors that do not fit.</summary>
/// <param name="Name">What is given to what.</param>
/// <param name="Said">Parts of the exception's message; none: the call is right, and does not throw.</param>
/// <param name="Call">The call, in a dispose scope of its own.</param>
public sealed record Misfit(string Name, string[] Said, Action Call)
{
    private const int Batch = 2;
    private static readonly NoiseSchedule s_schedule = NoiseSchedule.FlowMatchEuler(3);

    /// <summary>All of them.</summary>
    public static IReadOnlyList<Misfit> All { get; } =
    [
        .. Pointers(),
        .. Identities(),
        .. Optimizers(),
        .. Files(),
        .. Conditionings(),
        .. Fields(),
        .. Rollouts(),
        .. Rewards(),
        .. Pictures(),
    ];

    public override string ToString() => Name;

    private static Misfit Of(string name, Action call, params string[] said) => new(name, said, call);

    private static IEnumerable<Misfit> Pointers() =>
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

    private static IEnumerable<Misfit> Identities() =>
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

    private static IEnumerable<Misfit> Optimizers() =>
        [
            Of(
                "optimizer of a disposed parameter",
                () => Optimizer(Spoiled(Weight(), p => p.Dispose())),
                "parameter w",
                "disposed"
            ),
            Of("optimizer of a meta parameter", () => Optimizer(nn.Parameter(Meta(2))), "parameter w", "meta"),
            Of("optimizer of a strided parameter", () => Optimizer(nn.Parameter(Strided())), "parameter w", "strided"),
            Of(
                "optimizer of a narrow parameter",
                () => Optimizer(nn.Parameter(torch.ones([2], ScalarType.BFloat16))),
                "parameter w",
                "float32 or float64 masters, found BFloat16"
            ),
            Of(
                "optimizer with a copy of another shape",
                () => Optimizer(Weight(), torch.ones([3], ScalarType.BFloat16)),
                "copy of w is BFloat16 [3]",
                "[2]"
            ),
            Of("optimizer with a disposed copy", () => Optimizer(Weight(), Disposed()), "copy of w", "disposed"),
            Stepped(
                "a gradient of another type",
                p => p.grad = torch.ones([2], ScalarType.BFloat16),
                "gradient of w",
                "BFloat16 [2]"
            ),
            Stepped("a gradient of fewer elements", p => p.grad = torch.ones(1), "gradient of w", "[1]", "[2]"),
            Stepped("a gradient of more elements", p => p.grad = torch.ones(3), "gradient of w", "[3]", "[2]"),
            Stepped("a gradient on meta", p => p.grad = Meta(2), "gradient of w", "meta"),
            Stepped(
                "a parameter of another type",
                p =>
                {
                    p.Become(torch.ones([2], ScalarType.BFloat16));
                    p.grad = torch.ones([2], ScalarType.BFloat16);
                },
                "w",
                "BFloat16 [2]",
                "Float32 [2]"
            ),
            Stepped(
                "a parameter of fewer elements",
                p =>
                {
                    p.Become(torch.ones(1));
                    p.grad = torch.ones(1);
                },
                "w",
                "[1]",
                "[2]"
            ),
            Stepped("a disposed parameter", p => p.Dispose(), "w", "disposed"),
            Stepped("a strided gradient", p => p.grad = torch.ones(1).expand(2)),
            Of(
                "averages of a disposed parameter",
                () =>
                {
                    var parameter = Weight();
                    using var optimizer = Optimizer(parameter);
                    parameter.Dispose();
                    optimizer.SwapWithEma();
                },
                "w",
                "disposed"
            ),
            Of(
                "masters of a disposed parameter",
                () => new ComputeCopy(Spoiled(Linear(), p => p.Dispose())),
                "disposed"
            ),
        ];

    private static IEnumerable<Misfit> Files() =>
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

    private static IEnumerable<Misfit> Conditionings() =>
        [
            Of("conditioning of a scalar", () => new Conditioning("c", torch.tensor(1f)), "'c'", "batch"),
            Of("conditioning of a disposed tensor", () => new Conditioning("c", Disposed()), "'c'", "disposed"),
            Of(
                "conditioning of two batches",
                () => new Conditioning([new("a", torch.ones(2, 1)), new("b", torch.ones(3, 1))]),
                "'b' has batch 3",
                "'a' has 2"
            ),
            Of(
                "samples that a conditioning has not",
                () => new Conditioning("c", torch.ones(2, 1)).Select([0, 5]),
                "sample 5",
                "2"
            ),
        ];

    private static IEnumerable<Misfit> Fields()
    {
        yield return Evaluated(
            "a velocity of another shape",
            (x, _) => x.flatten(1),
            "velocity",
            "[2, 12]",
            "[2, 3, 2, 2]"
        );
        yield return Evaluated("a velocity of one number", (x, _) => x.sum(), "velocity", "[]", "[2, 3, 2, 2]");
        yield return Evaluated(
            "a velocity of one channel",
            (x, _) => x.mean([1], keepdim: true),
            "velocity",
            "[2, 1, 2, 2]"
        );
        yield return Evaluated("no velocity", (_, _) => null!, "velocity");
        yield return Evaluated("a disposed velocity", (_, _) => Disposed(), "velocity", "disposed");
        yield return Evaluated("a velocity on meta", (_, _) => Meta(2, 3, 2, 2), "velocity", "meta");
        yield return Evaluated("a velocity of integers", (x, _) => x.to(ScalarType.Int64), "velocity", "Int64");
        yield return Evaluated("a network that throws", (_, _) => throw new ArgumentException("mine"), "mine");
        yield return Pulled("a velocity of another shape", (x, w) => (x * w).flatten(1), "velocity", "[2, 12]");
        yield return Pulled("a velocity without gradients", (x, _) => x.detach() * 2, "velocity", "gradient");
        yield return Of(
            "pullback of a cotangent of another shape",
            () => Field((x, w) => x * w).Vjp(Latents(), torch.ones(Batch), Condition(), torch.ones(Batch), true),
            "cotangent",
            "[2]",
            "[2, 3, 2, 2]"
        );
        yield return Of(
            "pullback of a disposed cotangent",
            () => Field((x, w) => x * w).Vjp(Latents(), torch.ones(Batch), Condition(), Disposed(), true),
            "cotangent",
            "disposed"
        );
        yield return Of(
            "velocity of disposed latents",
            () => Field((x, w) => x * w).Evaluate(Disposed(), torch.ones(Batch), Condition()),
            "latents",
            "disposed"
        );
        yield return Of(
            "velocity of a batch in parts of another shape",
            () =>
            {
                using var workers = new BatchWorkers(2);
                VelocityField
                    .Of(Linear(), (_, x, _, _) => x.flatten(1), workers)
                    .Evaluate(Latents(), torch.ones(Batch), Condition());
            },
            "velocity",
            "12]"
        );
    }

    private static IEnumerable<Misfit> Rollouts() =>
        [
            Rolled("disposed noise", Disposed, "noise", "disposed"),
            Rolled("noise on meta", () => Meta(Batch, 3, 2, 2), "noise", "meta"),
            Rolled("noise of one number", () => torch.tensor(1f), "noise", "[]"),
            Rolled("noise of integers", () => torch.ones([Batch, 3, 2, 2], ScalarType.Int64), "noise", "Int64"),
            Rolled("noise of no samples", () => torch.ones(0, 3, 2, 2), "noise", "[0, 3, 2, 2]"),
            Rolled("noise of another batch", () => torch.ones(3, 3, 2, 2), "batch", "3", "2"),
            Rolled("strided noise", () => torch.ones(3, Batch, 2, 2).transpose(0, 1)),
            Rolled("noise that requires gradients", () => Latents().requires_grad_()),
            Of(
                "rollout of more steps than there are",
                () =>
                    new Rollout(Field((x, w) => x * w), s_schedule, new CpuLatentKernels()).Run(
                        Latents(),
                        Condition(),
                        [3, 4]
                    ),
                "4",
                "3"
            ),
            Of(
                "rollout of other samples' steps",
                () =>
                    new Rollout(Field((x, w) => x * w), s_schedule, new CpuLatentKernels()).Run(
                        Latents(),
                        Condition(),
                        [3]
                    ),
                "1",
                "2"
            ),
        ];

    private static IEnumerable<Misfit> Rewards() =>
        [
            Scored("one score for all", x => x.mean(), "scores", "[]", "[2]"),
            Scored("scores in a column", x => x.flatten(1).mean([1], keepdim: true), "scores", "[2, 1]", "[2]"),
            Scored("a score per element", x => x, "scores", "[2, 3, 2, 2]", "[2]"),
            Scored("scores without gradients", x => x.detach().flatten(1).mean([1]), "scores", "gradient"),
            Scored("disposed scores", _ => Disposed(), "scores", "disposed"),
            Scored("no scores", _ => null!, "scores"),
            Scored("scores on meta", _ => Meta(2), "scores", "meta"),
            Scored("scores of the end", x => x.flatten(1).mean([1])),
            Renoised("nothing", null, "noise"),
            Renoised(
                "one noise for all samples",
                () => torch.ones([2, 1, 3, 2, 2]),
                "noise",
                "[1, 3, 2, 2]",
                "[2, 3, 2, 2]"
            ),
            Renoised("noise of another shape", () => torch.ones(2, Batch, 12), "noise", "[2, 12]", "[2, 3, 2, 2]"),
            Renoised("noise per sample", () => torch.ones([2, Batch, 3, 2, 2])),
        ];

    private static IEnumerable<Misfit> Pictures() =>
        [
            Of("preprocessing of a row", () => ClipImagePreprocessing.Apply(torch.ones(3), 8), "[3]", "[B, 3, Y, X]"),
            Of(
                "preprocessing of grey",
                () => ClipImagePreprocessing.Apply(torch.ones(1, 1, 4, 4), 8),
                "[1, 1, 4, 4]",
                "[B, 3, Y, X]"
            ),
            Of(
                "preprocessing of nothing",
                () => ClipImagePreprocessing.Apply(torch.ones(1, 3, 0, 4), 8),
                "[1, 3, 0, 4]"
            ),
            Of("preprocessing of a disposed picture", () => ClipImagePreprocessing.Apply(Disposed(), 8), "disposed"),
            Of("resizing of a number", () => BicubicResize.Resize(torch.tensor(1f), 2, 2), "[]", "[B, C, Y, X]"),
            Of(
                "resizing of integers",
                () => BicubicResize.Resize(torch.ones([1, 1, 4, 4], ScalarType.Int64), 2, 2),
                "Int64"
            ),
        ];

    private static Misfit Stepped(string what, Action<Parameter> spoil, params string[] said) =>
        Of(
            $"optimizer step with {what}",
            () =>
            {
                var parameter = Weight();
                parameter.grad = torch.ones(2);
                using var optimizer = Optimizer(parameter);
                spoil(parameter);
                optimizer.Step(0.1, 1);
            },
            said
        );

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

    private static Misfit Evaluated(string what, Func<Tensor, Tensor, Tensor> forward, params string[] said) =>
        Of($"rollout of {what}", () => Roll(Latents(), Field(forward)), said);

    private static Misfit Pulled(string what, Func<Tensor, Tensor, Tensor> forward, params string[] said) =>
        Of(
            $"pullback of {what}",
            () => Field(forward).Vjp(Latents(), torch.ones(Batch), Condition(), Latents(), true),
            said
        );

    private static Misfit Rolled(string what, Func<Tensor> noise, params string[] said) =>
        Of($"rollout from {what}", () => Roll(noise(), Field((x, w) => x * w)), said);

    private static void Roll(Tensor noise, IVelocityField field)
    {
        using var cache = new Rollout(field, s_schedule, new CpuLatentKernels(), ScalarType.Float32).Run(
            noise,
            Condition()
        );
    }

    private static Misfit Scored(string what, Func<Tensor, Tensor> score, params string[] said) =>
        Of($"reward of {what}", () => Score(new FullPlanner().FromIndices(s_schedule), null, score), said);

    private static Misfit Renoised(string what, Func<Tensor>? noise, params string[] said) =>
        Of(
            $"re-noising with {what}",
            () =>
                Score(
                    new DRaFTLVPlanner(new(NoisedSamples: 2)).FromIndices(s_schedule, s_schedule.Steps - 1),
                    noise?.Invoke(),
                    x => x.flatten(1).mean([1])
                ),
            said
        );

    private static void Score(SurrogatePlan plan, Tensor? renoise, Func<Tensor, Tensor> score)
    {
        var executor = new SurrogateExecutor(
            Field((x, w) => x * w),
            s_schedule,
            new CpuLatentKernels(),
            new() { Storage = ScalarType.Float32 }
        );
        var batch = new SurrogateBatch
        {
            Plan = BatchPlan.Shared(plan, Batch),
            Renoise_NB = renoise,
            Noise_B = Latents(),
            Conditioning = Condition(),
            RewardConditioning = Condition(),
        };
        using var rollout = executor.Rollout(batch);
        var weights = executor.Weigh(batch, rollout);
        executor.RewardGradient(batch, rollout, weights, new Reward(score), new HingeLoss(Threshold: 100)).Dispose();
    }

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

    private static AutogradVelocityField Field(Func<Tensor, Tensor, Tensor> forward)
    {
        var weight = Weight();
        return VelocityField.Of(Linear(), (_, x, _, _) => forward(x, weight));
    }

    private static FusedAdamW Optimizer(Parameter parameter, Tensor? copy = null) =>
        new(
            [("w", parameter)],
            new(),
            new CpuLatentKernels(),
            copy is null ? null : new Dictionary<string, Tensor> { ["w"] = copy }
        );

    private static T Spoiled<T>(T module, Action<Parameter> spoil)
        where T : nn.Module
    {
        foreach (var parameter in module.parameters())
        {
            spoil(parameter);
        }
        return module;
    }

    private static Parameter Spoiled(Parameter parameter, Action<Parameter> spoil)
    {
        spoil(parameter);
        return parameter;
    }

    private static Linear Linear(Device? device = null) => nn.Linear(3, 2, device: device);

    private static Parameter Weight() => nn.Parameter(torch.ones(2));

    private static Tensor Latents() => torch.ones(Batch, 3, 2, 2);

    private static Conditioning Condition() => new("c", torch.ones(Batch, 1));

    private static Tensor Strided() => torch.ones(2, 3).t();

    private static Tensor Meta(params long[] shape) => torch.ones(shape, device: torch.META);

#if TORCHSHARP
    private static Tensor Sparse() => torch.eye(3).to_sparse();
#endif

    private static Tensor Disposed()
    {
        var tensor = torch.ones(Batch, 3, 2, 2);
        tensor.Dispose();
        return tensor;
    }

    private static void Require(bool condition)
    {
        if (!condition)
        {
            throw new InvalidOperationException("it is not what it should be");
        }
    }

    private sealed class Reward(Func<Tensor, Tensor> score) : IReward
    {
        public Tensor Score(Tensor latents_R, Conditioning conditioning) => score(latents_R);
    }
}
