// Which forwards a rollout keeps, and where they are found again. Indices are drawn before the rollout, so it knows. How much a
// forward takes is only known once one has been kept: if all of them would not fit, that one is given back, and none is kept.

namespace FlowBP.Surrogates;

/// <summary>The kept forwards of a rollout's active steps. Owns them.</summary>
/// <param name="plan">Says which steps of which samples are active.</param>
/// <param name="budgetBytes">What all of them may take together; null: anything.</param>
internal sealed class KeptForwards(BatchPlan plan, long? budgetBytes) : IDisposable
{
    private readonly HashSet<(int Step, int Sample)> wanted =
    [
        .. plan.Samples.SelectMany(
            (sample, b) => sample.ActiveSteps.Where(step => step.Weight != 0).Select(step => (step.Index, b))
        ),
    ];

    private readonly Dictionary<(int Step, int Sample), (KeptForward Forward, int Row)> places = [];
    private readonly List<KeptForward> forwards = [];
    private bool fits = true;

    /// <summary>Bytes kept.</summary>
    public long Bytes => forwards.Sum(forward => forward.Bytes);

    /// <summary>Asks for what is to be kept of some samples at a step; null: nothing.</summary>
    public ForwardTrace? TraceOf(int step, IReadOnlyList<int> samples)
    {
        int[] rows = [.. Enumerable.Range(0, samples.Count).Where(row => wanted.Contains((step, samples[row])))];
        return fits && rows.Length > 0 ? new(rows) : null;
    }

    /// <summary>Takes what an evaluation kept.</summary>
    public void Add(int step, IReadOnlyList<int> samples, ForwardTrace trace)
    {
        if (trace.Kept is not { } kept)
        {
            return;
        }
        if (kept.Bytes / trace.Rows.Count * wanted.Count > budgetBytes)
        {
            fits = false;
            kept.Dispose();
            return;
        }
        forwards.Add(kept);
        for (var row = 0; row < trace.Rows.Count; row++)
        {
            places[(step, samples[trace.Rows[row]])] = (kept, row);
        }
    }

    /// <summary>The forwards of some steps of some samples, in this order; null: not all were kept. The caller's to dispose.</summary>
    public KeptForward? Gather(IReadOnlyList<(int Step, int Sample)> terms)
    {
        if (!terms.All(places.ContainsKey))
        {
            return null;
        }
        List<KeptForward> parts = [];
        try
        {
            return Gather(terms, parts);
        }
        catch
        {
            parts.ForEach(part => part.Dispose());
            throw;
        }
    }

    private KeptForward Gather(IReadOnlyList<(int Step, int Sample)> terms, List<KeptForward> parts)
    {
        for (var start = 0; start < terms.Count; )
        {
            var forward = places[terms[start]].Forward;
            int[] rows =
            [
                .. terms
                    .Skip(start)
                    .Select(term => places[term])
                    .TakeWhile(place => place.Forward == forward)
                    .Select(place => place.Row),
            ];
            parts.Add(forward.Select(rows));
            start += rows.Length;
        }
        if (parts.Count == 1)
        {
            return parts[0];
        }
        var joined = KeptForward.Concat(parts);
        parts.ForEach(part => part.Dispose());
        return joined;
    }

    public void Dispose() => forwards.ForEach(forward => forward.Dispose());
}
