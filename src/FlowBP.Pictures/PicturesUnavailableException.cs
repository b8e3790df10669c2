namespace FlowBP.Pictures;

/// <summary>A picture can't be drawn or written on this machine, through no fault of its pixels; the message says why.</summary>
public sealed class PicturesUnavailableException : Exception
{
    /// <summary>Creates the exception.</summary>
    /// <param name="message">What is missing and what to do.</param>
    /// <param name="cause">What the runtime said, if it said something.</param>
    public PicturesUnavailableException(string message, Exception? cause = null)
        : base(message, cause) { }
}
