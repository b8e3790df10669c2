// Wrong usage is known before anything is computed, and has an exit code of its own: a script can tell a typing mistake
// from a failed run.

using FlowBP.Settings;

namespace FlowBP.Cli.Failures;

/// <summary>The command line asks for something that does not exist or is not accepted; exit code 2.</summary>
/// <param name="message">One line: what was found, what is accepted.</param>
internal sealed class UsageException(string message) : Exception(message)
{
    /// <summary>Runs what reads settings: a name or value it does not accept is the user's, not the program's.</summary>
    public static T Guard<T>(Func<T> read)
    {
        try
        {
            return read();
        }
        catch (InvalidSettingException e)
        {
            throw new UsageException(e.Message);
        }
    }
}
