// The same function on parts of the batch, side by side. Each part's gradients are kept apart and added in the order of the
// parts, so that no bit depends on which thread was faster.
// Shape legend: B batch, n samples of a part, … the dimensions of one latent.

namespace FlowBP.Surrogates;

/// <summary>
/// A velocity field whose batch is divided among <see cref="BatchWorkers"/>. The function must treat samples
/// independently, as every network without batch statistics does.
/// </summary>
public sealed class DataParallelVelocityField : IVelocityField
{
    private readonly IVelocityField network;
    private readonly BatchWorkers workers;
    private readonly IParameterGradients ownGradients;

    /// <summary>Divides the batches of a field that is pulled back by autograd.</summary>
    /// <param name="field">The field.</param>
    /// <param name="parameters">The leaves that Vjp adds gradients to, all that require them.</param>
    /// <param name="workers">The threads; they stay the caller's.</param>
    public DataParallelVelocityField(AutogradVelocityField field, IEnumerable<Tensor> parameters, BatchWorkers workers)
        : this(new AutogradVelocityField(field.Forward, [.. parameters]), workers, LeafGradients.Instance) { }

    /// <summary>Divides the batches of a field that is pulled back block by block.</summary>
    /// <param name="field">The field; the gradients go where its own go.</param>
    /// <param name="workers">The threads; they stay the caller's.</param>
    public DataParallelVelocityField(BlockwiseVelocityField field, BatchWorkers workers)
        : this(field, workers, field.Gradients) { }

    private DataParallelVelocityField(IVelocityField network, BatchWorkers workers, IParameterGradients gradients)
    {
        this.network = network;
        this.workers = workers;
        ownGradients = gradients;
    }

    /// <inheritdoc/>
    public bool KeepsForward => network.KeepsForward;

    /// <inheritdoc/>
    public Tensor Evaluate(Tensor x_B, Tensor sigma_B, Conditioning conditioning, ForwardTrace? trace = null)
    {
        if (trace is not null)
        {
            network.Prepare(x_B, sigma_B, conditioning);
        }
        using var scope = torch.NewDisposeScope();
        using var noGrad = torch.no_grad();
        var parts = workers.Parts((int)x_B.size(0));
        ForwardTrace?[] traces = [.. parts.Select(rows => Part(trace, rows))];
        try
        {
            var velocities = workers.Run(
                [.. parts.Select((rows, part) => (Func<Tensor>)(() => EvaluatePart(rows, traces[part])))],
                velocity_n => velocity_n.Dispose()
            );
            var velocity_B = Joined(velocities);
            if (trace is not null)
            {
                KeptForward[] kept = [.. traces.Select(each => each?.Kept).OfType<KeptForward>()];
                trace.Kept = kept.Length == 1 ? kept[0] : Joined(kept);
            }
            return velocity_B.MoveToOuterDisposeScope();
        }
        catch
        {
            // What is kept outlives every scope.
            foreach (var each in traces)
            {
                each?.Kept?.Dispose();
            }
            throw;
        }

        Tensor EvaluatePart(Range rows, ForwardTrace? traced)
        {
            using var part = conditioning.Select(Indices(rows));
            using var x_n = x_B.Rows(rows);
            using var sigma_n = sigma_B.Rows(rows);
            return network.Evaluate(x_n, sigma_n, part, traced);
        }
    }

    /// <inheritdoc/>
    public Tensor? Vjp(
        Tensor x_B,
        Tensor sigma_B,
        Conditioning conditioning,
        Tensor cotangent_B,
        bool wantInputGradient,
        KeptForward? kept = null,
        IParameterGradients? gradients = null
    )
    {
        using var scope = torch.NewDisposeScope();
        using var noGrad = torch.no_grad();
        network.Prepare(x_B, sigma_B, conditioning);
        var parts = workers.Run(
            [
                .. workers
                    .Parts((int)x_B.size(0))
                    .Select(rows => (Func<(Tensor?, CollectedGradients)>)(() => Pull(rows))),
            ],
            Discard
        );
        try
        {
            foreach (var (_, collected) in parts)
            {
                collected.AddTo(gradients ?? ownGradients);
                collected.Dispose();
            }
            return wantInputGradient ? Joined([.. parts.Select(part => part.Item1!)]).MoveToOuterDisposeScope() : null;
        }
        finally
        {
            foreach (var part in parts)
            {
                Discard(part);
            }
        }

        static void Discard((Tensor? Input_n, CollectedGradients Collected) part)
        {
            part.Input_n?.Dispose();
            part.Collected.Dispose();
        }

        (Tensor?, CollectedGradients) Pull(Range rows)
        {
            using var inner = torch.NewDisposeScope();
            using var part = conditioning.Select(Indices(rows));
            using var keptPart = kept?.Select(Indices(rows));
            var collected = new CollectedGradients();
            try
            {
                var input_n = network.Vjp(
                    x_B.Rows(rows),
                    sigma_B.Rows(rows),
                    part,
                    cotangent_B.Rows(rows),
                    wantInputGradient,
                    keptPart,
                    collected
                );
                return (input_n?.DetachFromDisposeScope(), collected);
            }
            catch
            {
                collected.Dispose();
                throw;
            }
        }
    }

    private static ForwardTrace? Part(ForwardTrace? trace, Range rows)
    {
        int[] kept =
        [
            .. (trace?.Rows ?? [])
                .Where(row => row >= rows.Start.Value && row < rows.End.Value)
                .Select(row => row - rows.Start.Value),
        ];
        return kept.Length == 0 ? null : new(kept);
    }

    private static int[] Indices(Range rows) =>
        [.. Enumerable.Range(rows.Start.Value, rows.End.Value - rows.Start.Value)];

    private static Tensor Joined(IReadOnlyList<Tensor> parts)
    {
        try
        {
            return torch.cat([.. parts], 0);
        }
        finally
        {
            // They come from the workers' threads, so no scope of this one has them.
            foreach (var part in parts)
            {
                part.Dispose();
            }
        }
    }

    private static KeptForward Joined(IReadOnlyList<KeptForward> parts)
    {
        var joined = KeptForward.Concat(parts);
        foreach (var part in parts)
        {
            part.Dispose();
        }
        return joined;
    }
}
