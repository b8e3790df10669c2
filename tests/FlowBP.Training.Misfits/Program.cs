// Gives the libraries' public calls tensors that do not fit, one after the other, and prints what came of each: its name, the
// exception's type and message, on one line. A case that ends the process is the one after the last line.
// With `save FOLDER` it saves checkpoints there instead, until it is killed.

using FlowBP.Tests.Misfits;

if (args is ["save", var root])
{
    KilledSaving.Run(root);
}
foreach (var misfit in Misfit.All)
{
    Console.Write($"{misfit.Name}\t");
    try
    {
        using var scope = torch.NewDisposeScope();
        misfit.Call();
        Console.WriteLine("nothing\t");
    }
    // Whatever it is: the test that reads this says which ones are right.
    catch (Exception e)
    {
        Console.WriteLine($"{e.GetType().Name}\t{e.Message.ReplaceLineEndings(" ")}");
    }
}
