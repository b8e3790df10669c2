// Somebody's program that has the packages and nothing else of FlowBP. It prints `name values…`; whether they are right is for
// the test to say.

using System.Globalization;
using FlowBP.Cuda;
using FlowBP.Formats;
using FlowBP.Kernels;
using FlowBP.Torch;
using FlowBP.Training;
using FlowBP.Training.Configuration;
using FlowBP.Training.Optimization;
using TorchSharp;
using TorchSharp.Modules;

CultureInfo.CurrentCulture = CultureInfo.InvariantCulture;
using var scope = torch.NewDisposeScope();
StepTwice();
Replay();
Store(args[0]);
var table = torch.zeros(5, 7, torch.float64);
Print("view", [(long)TensorPointer.Of(table[3]) - TensorPointer.Of(table)]);
Print("presets", [Presets.All.Count]);
Print("kernels", KernelSources.EmbeddedIn(typeof(CpuLatentKernels).Assembly).Names);
FindAssets();
Snippets.Run();

// Two updates with clipping, moving average and bfloat16 copy; the gradient of Σ c·p is c.
static void StepTwice()
{
    using var parameter = new Parameter(torch.tensor(new float[] { 1, -2, 3 }));
    using var copy = parameter.detach().to(torch.bfloat16);
    var settings = new AdamWSettings
    {
        LearningRate = 0.1,
        WeightDecay = 0.01,
        MaxGradNorm = 0.65,
        EmaDecay = 0.9,
    };
    using var optimizer = new FusedAdamW(
        [("p", parameter)],
        settings,
        new CpuLatentKernels(),
        new Dictionary<string, torch.Tensor> { ["p"] = copy }
    );
    foreach (var gradient in new[] { new[] { 0.3f, -0.4f, 1.2f }, [-0.1f, 0.2f, 0.2f] })
    {
        using var step = torch.NewDisposeScope();
        (parameter * torch.tensor(gradient)).sum().backward();
        var norm = optimizer.GradientNorm();
        Print("norm", [norm]);
        optimizer.Step(settings.LearningRate, norm);
    }
    Print("parameter", Values(parameter));
    Print("copy", Values(copy));
    optimizer.SwapWithEma();
    Print("average", Values(parameter));
}

// Two samples of two elements that start at different steps, from caches that are views.
static unsafe void Replay()
{
    var both = torch.arange(24, torch.float64).view(2, 3, 2, 2);
    var (states, velocities) = (both[0], both[1]);
    var replayed = torch.zeros(2, 2, torch.float64);
    new CpuLatentKernels().Replay(
        new LatentBuffer((void*)TensorPointer.Of(states), LatentType.Float64, 3, 2, 2),
        [0, 1],
        new LatentBuffer((void*)TensorPointer.Of(velocities), LatentType.Float64, 3, 2, 2),
        [0, 2, 1, 2],
        [-0.5, -0.25, 0.125, 2],
        new LatentBuffer((void*)TensorPointer.Of(replayed), LatentType.Float64, 1, 2, 2)
    );
    Print("replayed", Values(replayed));
}

static void Store(string path)
{
    var tensors = new Dictionary<string, torch.Tensor>
    {
        ["weight"] = torch.arange(6, torch.float32).view(2, 3).transpose(0, 1),
        ["bias"] = torch.tensor(new[] { 0.5f, -1.25f }).to(torch.bfloat16),
    };
    SafetensorsWriter.Write(path, tensors);
    foreach (var (name, loaded) in SafetensorsFile.LoadAll(path))
    {
        var same = loaded.dtype == tensors[name].dtype && loaded.eq(tensors[name]).all().item<bool>();
        Console.WriteLine($"stored {name} [{string.Join(", ", loaded.shape)}] {same}");
    }
}

static void FindAssets()
{
    try
    {
        Console.WriteLine($"assets {EmbeddedAssets.Root}");
    }
    catch (FileNotFoundException e)
    {
        Console.WriteLine($"assets {e.Message}");
    }
    var given = Directory.CreateDirectory(Path.Combine(AppContext.BaseDirectory, "assets", "shapes")).FullName;
    Console.WriteLine($"given {EmbeddedAssets.Model == Path.Combine(given, "model")}");
}

static double[] Values(torch.Tensor tensor) => tensor.detach().to(torch.float64).data<double>().ToArray();

static void Print<T>(string name, IEnumerable<T> values) => Console.WriteLine($"{name} {string.Join(' ', values)}");
