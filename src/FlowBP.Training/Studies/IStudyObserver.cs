namespace FlowBP.Training.Studies;

/// <summary>Hears where a study stands; from one thread at a time.</summary>
public interface IStudyObserver
{
    /// <summary>The study begins.</summary>
    /// <param name="cells">Cells in all.</param>
    /// <param name="kept">Of these, done by an earlier call.</param>
    void Begin(int cells, int kept);

    /// <summary>A step of a cell is done.</summary>
    /// <param name="cell">The cell.</param>
    /// <param name="step">Updates made.</param>
    /// <param name="steps">Updates of the cell in all.</param>
    /// <param name="share">Share of this call's work that is done, in [0, 1].</param>
    void Step(StudyCell cell, int step, int steps, double share);

    /// <summary>A cell is done, and its record kept.</summary>
    /// <param name="cell">The cell.</param>
    /// <param name="record">Its record.</param>
    /// <param name="done">Cells done.</param>
    /// <param name="cells">Cells in all.</param>
    void Done(StudyCell cell, CellRecord record, int done, int cells);

    /// <summary>Something the user should know but need not act upon.</summary>
    /// <param name="text">One sentence.</param>
    void Notice(string text);
}
