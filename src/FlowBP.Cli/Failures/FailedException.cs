// What a command itself finds wrong with files and folders; the libraries have exceptions of their own.

namespace FlowBP.Cli.Failures;

/// <summary>A command cannot do what it was asked; exit code 1.</summary>
/// <param name="message">One line: what, where, what to do.</param>
internal sealed class FailedException(string message) : Exception(message);
