// Whose mistake an exception is about is said by its type. An ArgumentException is about a call, and so about the program; this one is
// about what was given for a run, and is told to whoever gave it.

namespace FlowBP.Settings;

/// <summary>
/// What was given for a run is not accepted: a value that is none of a setting's, values that don't go together, or one that the
/// model it is given for cannot have.
/// </summary>
/// <param name="message">One line: the setting, what was found, what is accepted.</param>
public class InvalidSettingException(string message) : ArgumentException(MessageText.OneLine(message));
