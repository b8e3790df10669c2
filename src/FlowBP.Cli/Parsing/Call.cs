// What a command line comes to.

using FlowBP.Cli.Output;

namespace FlowBP.Cli.Parsing;

/// <summary>A call that is ready to run.</summary>
/// <param name="Run">Runs it and returns the exit code.</param>
internal sealed record Call(Func<Terminal, int> Run);
