// Loads tensors' libraries as a program does and adds six ones. First argument: `load` asks for the library by name, as the
// command line does; `plain` knows nothing of FlowBP, as somebody's TorchSharp program does. Further ones are libraries that the
// process has loaded before, for whatever reason.

using System.Runtime.InteropServices;

foreach (var path in args.Skip(1))
{
    NativeLibrary.Load(path);
}
try
{
    if (args[0] == "load")
    {
        TorchLibrary.Load();
    }
    using var scope = torch.NewDisposeScope();
    Console.WriteLine($"sum {torch.ones(2, 3).sum().ToDouble()}");
    Console.WriteLine($"remedy {TorchLibrary.Remedy ?? "none"}");
    return 0;
}
// TorchSharp's own failure comes out of its static constructor.
catch (Exception e) when (e is DllNotFoundException or TypeInitializationException)
{
    Console.Error.WriteLine(e.GetBaseException().Message);
    return 1;
}
