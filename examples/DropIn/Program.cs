// Trains the same network by both loops: `dotnet run --project examples/DropIn -c Release`.

using System.Diagnostics;
using System.Globalization;
using FlowBP.Examples.DropIn;

const int Steps = 60;
var folder = Directory.CreateTempSubdirectory("flowbp-dropin-").FullName;
try
{
    Report("plain", model => Plain.Train(model, Steps));
    Report("accelerated", model => Accelerated.Train(model, Steps, Path.Combine(folder, "average.safetensors")));
}
finally
{
    Directory.Delete(folder, recursive: true);
}

static void Report(string name, Func<DiffusionTransformer, double[]> train)
{
    using var model = new DiffusionTransformer();
    var started = Stopwatch.GetTimestamp();
    var losses = train(model);
    var seconds = Stopwatch.GetElapsedTime(started).TotalSeconds;
    Console.WriteLine(
        string.Create(
            CultureInfo.InvariantCulture,
            $"{name, -12} loss {losses[0]:f6} → {losses[^1]:f6} in {seconds:f1} s"
        )
    );
}
