// A run that was killed left the one that it was to replace under another name: aside, or, between the two names, in its own former
// place. That one comes back where the killed run has stored no weights. Where it has, the one aside goes; what lies in the former
// place may be either of the two, so it is kept.

namespace FlowBP.Training.Runs;

/// <summary>Puts right what a killed run left beside the folder that it was to write to.</summary>
/// <param name="wanted">The folder.</param>
/// <param name="beside">What lies beside it.</param>
/// <param name="notice">Hears of what was left, and where it is now; null: nobody.</param>
internal sealed class KilledRun(string wanted, FoldersBeside beside, Action<string>? notice)
{
    /// <summary>Puts back, deletes or keeps what is beside the folder.</summary>
    /// <exception cref="IOException">A run is still writing to one of them.</exception>
    public void Restore()
    {
        var unfinished = beside.Unfinished;
        var isBack = false;
        if (RunManifest.IsIn(unfinished) && EarlierRun.HasWeights(unfinished))
        {
            isBack = EarlierRun.HasBegun(unfinished) && IsTakenBack(unfinished);
            if (!isBack)
            {
                var kept = beside.FreeForKept();
                EarlierRun.Move(unfinished, kept);
                notice?.Invoke($"a run that was killed left weights outside of {wanted}; they are in {kept}");
            }
        }
        foreach (var folder in beside.Replaced())
        {
            if (RunManifest.IsIn(wanted) && EarlierRun.HasWeights(wanted))
            {
                using var manifest = RunManifest.Take(folder);
                EarlierRun.Delete(manifest, folder, notice);
            }
            else if (isBack || !IsTakenBack(folder))
            {
                notice?.Invoke($"an earlier run is in {folder}");
            }
            else
            {
                isBack = true;
            }
        }
    }

    // Into the place of a run that has stored nothing, or of none.
    private bool IsTakenBack(string folder)
    {
        if (Directory.Exists(wanted) && (EarlierRun.HasWeights(wanted) || !EarlierRun.Clear(wanted)))
        {
            return false;
        }
        EarlierRun.Move(folder, wanted);
        notice?.Invoke($"the run that was to be replaced when another one was killed is in {wanted} again");
        return true;
    }
}
