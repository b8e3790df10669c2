namespace FlowBP.Distributed;

/// <summary>Where the pointers of a communicator point.</summary>
public enum CollectiveMemory
{
    /// <summary>Memory of the process.</summary>
    Host,

    /// <summary>Memory of the rank's GPU.</summary>
    Device,
}
