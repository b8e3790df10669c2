namespace FlowBP.Distributed;

/// <summary>NCCL reports an error.</summary>
/// <param name="message">The operation, NCCL's words for the result, and its last message, on one line.</param>
public sealed class NcclException(string message) : IOException(message);
