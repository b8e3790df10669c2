using FlowBP.Settings;

namespace FlowBP.Training.Configuration;

/// <summary>A configuration asks for something that does not exist or is not done; one line that says where.</summary>
/// <param name="message">Where, what was found, what is accepted.</param>
public sealed class ConfigurationException(string message) : ArgumentException(message)
{
    /// <summary>
    /// Whether an exception is about a value that the user gave. One that names a parameter is about a call: a mistake of the program,
    /// which must not be told as if it were the user's.
    /// </summary>
    /// <param name="exception">What was thrown while settings were read.</param>
    public static bool IsOfTheUser(ArgumentException exception) =>
        exception is ConfigurationException or UnknownNameException
        || (exception.GetType() == typeof(ArgumentException) && exception.ParamName is null);
}
