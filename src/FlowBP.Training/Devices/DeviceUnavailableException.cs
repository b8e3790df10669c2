namespace FlowBP.Training.Devices;

/// <summary>A device can't be used; the message says in one line what is missing.</summary>
/// <param name="message">What is missing.</param>
/// <param name="cause">What reported it, or null.</param>
public sealed class DeviceUnavailableException(string message, Exception? cause = null) : Exception(message, cause);
