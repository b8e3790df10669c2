// Compiled into every program and test that uses the TorchSharp package, because it must run before TorchSharp's first call.

using System.Runtime.CompilerServices;

internal static class TorchStartup
{
    [ModuleInitializer]
    internal static void Run() => FlowBP.Torch.TorchLibrary.Expect();
}
