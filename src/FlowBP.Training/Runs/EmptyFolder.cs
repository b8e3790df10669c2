namespace FlowBP.Training.Runs;

/// <summary>Where commands write that have no records of a run.</summary>
public static class EmptyFolder
{
    /// <summary>Refuses a folder that holds anything; a command without a run's files never replaces one.</summary>
    /// <param name="root">The folder that is to be created.</param>
    /// <exception cref="IOException">It holds something.</exception>
    public static void Require(string root)
    {
        if (File.Exists(root) || (Directory.Exists(root) && Directory.EnumerateFileSystemEntries(root).Any()))
        {
            throw new IOException($"{root} exists; name another --output_dir");
        }
    }
}
