using FlowBP.Settings;

namespace FlowBP.Training;

/// <summary>A configuration asks for something that does not exist or is not done; one line that says where.</summary>
/// <param name="message">Where, what was found, what is accepted.</param>
public sealed class ConfigurationException(string message) : InvalidSettingException(message);
