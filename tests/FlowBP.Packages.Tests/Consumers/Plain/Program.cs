// A TorchSharp program that knew nothing of FlowBP, and whose first call is TorchSharp's; then one of FlowBP's kernels works on a
// view of its tensor, in place.

using FlowBP.Kernels;
using FlowBP.Torch;
using TorchSharp;

using var scope = torch.NewDisposeScope();
var product = torch.arange(6, torch.float64).view(2, 3).matmul(torch.ones(3, 1, torch.float64));
Console.WriteLine($"product {product[0].item<double>():R} {product[1].item<double>():R}");

var values = torch.arange(12, torch.float64).view(4, 3);
var rows = values.narrow(0, 1, 2);
unsafe
{
    var buffer = new LatentBuffer((void*)TensorPointer.Of(rows), LatentType.Float64, steps: 1, batch: 2, elements: 3);
    new CpuLatentKernels().ScaleCotangent(buffer, [10, 100], buffer);
}
Console.WriteLine($"scaled {string.Join(' ', values.data<double>().ToArray())}");
Console.WriteLine($"remedy {TorchLibrary.Remedy ?? "none"}");
