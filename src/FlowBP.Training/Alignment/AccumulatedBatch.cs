using FlowBP.Surrogates;

namespace FlowBP.Training.Alignment;

/// <summary>What a batch of an update comes to.</summary>
/// <param name="Report">Its report, with the loss as its share of the update's.</param>
/// <param name="Kept">The samples that the filter keeps.</param>
internal sealed record AccumulatedBatch(SurrogateReport Report, int Kept)
{
    /// <summary>
    /// Makes one large batch of those of an update. Each was divided by the number of all images; the mean is over those that the
    /// filter keeps, whose number is known once the last batch has been rolled out.
    /// </summary>
    /// <param name="batches">The batches.</param>
    /// <param name="samples">The samples of all of them.</param>
    /// <param name="parameters">Have the gradients, which are corrected in place.</param>
    /// <returns>The report of the update.</returns>
    public static SurrogateReport Mean(
        IReadOnlyList<AccumulatedBatch> batches,
        int samples,
        IEnumerable<Parameter> parameters
    )
    {
        var kept = batches.Sum(batch => batch.Kept);
        var correction = kept == 0 ? 1 : (double)samples / kept;
        if (correction != 1)
        {
            using var noGrad = torch.no_grad();
            foreach (var parameter in parameters)
            {
                parameter.grad?.mul_(correction);
            }
        }
        return SurrogateReport.Mean([
            .. batches.Select(batch =>
                batch.Report with
                {
                    Loss = batch.Report.Loss * correction * batches.Count,
                    AnchorLoss = batch.Report.AnchorLoss * correction * batches.Count,
                }
            ),
        ]);
    }
}
