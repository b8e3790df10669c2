using FlowBP.Surrogates;

namespace FlowBP.Training.Alignment;

/// <summary>What a part of an update comes to: a batch, or what one rank has of it.</summary>
/// <param name="Report">Its report, with the loss as its share of the update's.</param>
/// <param name="Samples">How many samples it has.</param>
/// <param name="Kept">How many of them the filter keeps.</param>
internal sealed record AccumulatedBatch(SurrogateReport Report, int Samples, int Kept)
{
    /// <summary>
    /// What the parts' gradients and losses are to be multiplied by. Each was divided by the number of all images; the mean is over those
    /// that the filter keeps, whose number is known once the last part has been rolled out.
    /// </summary>
    /// <param name="parts">All parts of the update, of all ranks.</param>
    public static double Correction(IReadOnlyList<AccumulatedBatch> parts)
    {
        var kept = parts.Sum(part => part.Kept);
        return kept == 0 ? 1 : (double)parts.Sum(part => part.Samples) / kept;
    }

    /// <summary>The report of an update.</summary>
    /// <param name="parts">All its parts, of all ranks, in the order of samples.</param>
    public static SurrogateReport Joined(IReadOnlyList<AccumulatedBatch> parts)
    {
        var correction = Correction(parts);
        return SurrogateReport.Joined([
            .. parts.Select(part =>
                (
                    part.Report with
                    {
                        Loss = part.Report.Loss * correction,
                        AnchorLoss = part.Report.AnchorLoss * correction,
                    },
                    part.Samples
                )
            ),
        ]);
    }
}
