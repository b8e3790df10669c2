// The optimizer step of a recorded run: clipping by the global norm, AdamW, EMA, in two precisions.

using System.Globalization;
using System.Text.Json;

namespace FlowBP.Verification.Methods;

/// <summary>Checks <see cref="ILatentKernels.AdamWEma"/> and <see cref="ILatentKernels.SquaredNorms"/>.</summary>
internal sealed class OptimizerFixture(Func<string, IReadOnlyDictionary<string, Tensor>> load, ILatentKernels kernels)
{
    // Six steps in binary32, each a handful of roundings of numbers near one.
    private const double Float32Tolerance = 2e-6;

    public FixtureResult Run(string folder, string name)
    {
        using var scope = torch.NewDisposeScope();
        using var document = JsonDocument.Parse(File.ReadAllText(Path.Combine(folder, $"{name}.json")));
        var tensors = load(Path.Combine(folder, $"{name}.safetensors"));
        var wide = new Comparison(MethodFixture.Tolerance, MethodFixture.Negligible);
        var narrow = new Comparison(Float32Tolerance, MethodFixture.Negligible);
        Run("f64", LatentType.Float64, document.RootElement, tensors, wide);
        Run("f32", LatentType.Float32, document.RootElement, tensors, narrow);
        var results = new[] { wide.Result(name), narrow.Result(name) };
        return results.FirstOrDefault(result => !result.Passed) ?? results[0];
    }

    private unsafe void Run(
        string precision,
        LatentType type,
        JsonElement settings,
        IReadOnlyDictionary<string, Tensor> tensors,
        Comparison comparison
    )
    {
        var count = tensors.Keys.Count(key => key.StartsWith($"{precision}.p", StringComparison.Ordinal));
        Tensor[] parameters = [.. Enumerable.Range(0, count).Select(i => tensors[$"{precision}.p{i}.init"].clone())];
        Tensor[] averages = [.. parameters.Select(parameter => parameter.clone())];
        Tensor[] first = [.. parameters.Select(parameter => torch.zeros_like(parameter))];
        Tensor[] second = [.. parameters.Select(parameter => torch.zeros_like(parameter))];
        for (var step = 0; step < settings.GetProperty("steps").GetInt32(); step++)
        {
            var at = string.Create(CultureInfo.InvariantCulture, $"{precision}.step{step}");
            Tensor[] gradients = [.. Enumerable.Range(0, count).Select(i => tensors[$"{at}.p{i}.grad"].contiguous())];
            GradientBuffer[] buffers =
            [
                .. gradients.Select(gradient => new GradientBuffer(Pointer(gradient), type, gradient.numel())),
            ];
            var norm = Math.Sqrt(kernels.SquaredNorm(buffers));
            comparison.Numbers($"{at}.grad_norm", [norm], Comparison.Values(tensors[$"{at}.grad_norm"]));
            AdamWEmaTensor[] state =
            [
                .. Enumerable
                    .Range(0, count)
                    .Select(i => new AdamWEmaTensor
                    {
                        Type = type,
                        Count = parameters[i].numel(),
                        Parameter = Pointer(parameters[i]),
                        Gradient = Pointer(gradients[i]),
                        ExpAvg = Pointer(first[i]),
                        ExpAvgSq = Pointer(second[i]),
                        Ema = Pointer(averages[i]),
                    }),
            ];
            var betas = settings.GetProperty("betas");
            kernels.AdamWEma(
                state,
                new(
                    step + 1,
                    settings.GetProperty("lr").GetDouble(),
                    betas[0].GetDouble(),
                    betas[1].GetDouble(),
                    settings.GetProperty("eps").GetDouble(),
                    settings.GetProperty("weight_decay").GetDouble(),
                    settings.GetProperty("ema_decay").GetDouble(),
                    AdamWEmaStep.ClipFactor(norm, settings.GetProperty("max_grad_norm").GetDouble())
                )
            );
            for (var i = 0; i < count; i++)
            {
                comparison.Tensors($"{at}.p{i}.param", parameters[i], tensors[$"{at}.p{i}.param"]);
                comparison.Tensors($"{at}.p{i}.ema", averages[i], tensors[$"{at}.p{i}.ema"]);
            }
        }
    }

    private static unsafe void* Pointer(Tensor tensor) => (void*)TensorPointer.Of(tensor);
}
