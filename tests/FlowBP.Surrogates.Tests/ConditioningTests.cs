namespace FlowBP.Surrogates.Tests;

/// <summary>Batches of named tensors.</summary>
public class ConditioningTests
{
    [TestCase(new[] { 1, 2 })]
    [TestCase(new[] { 2, 0 })]
    [TestCase(new[] { 1, 1, 1 })]
    [TestCase(new[] { 0, 1, 2 })]
    public void Selecting_keeps_rows_in_order_in_both_branches(int[] rows)
    {
        using var scope = torch.NewDisposeScope();
        using var selected = Rising().Select(rows);
        Assert.That(TensorValues.Numbers(selected["text"][.., 0]), Is.EqualTo(rows.Select(row => 2.0 * row)));
        Assert.That(
            TensorValues.Numbers(selected.Negative!["text"][.., 0]),
            Is.EqualTo(rows.Select(row => -2.0 * row))
        );
        Assert.That(selected.Batch, Is.EqualTo(rows.Length));
    }

    [Test]
    public void Concatenation_puts_the_second_batch_behind_the_first()
    {
        using var scope = torch.NewDisposeScope();
        var rising = Rising();
        using var both = Conditioning.Concat(rising.Negative!, rising);
        Assert.That(TensorValues.Numbers(both["text"][.., 0]), Is.EqualTo(new[] { 0.0, -2, -4, 0, 2, 4 }));
        Assert.That(both.Negative, Is.Null);
    }

    [Test]
    public void Batches_that_differ_are_refused_by_name() =>
        Assert.That(
            () => new Conditioning([new("text", torch.zeros([3, 2])), new("pooled", torch.zeros([2, 2]))]),
            Throws.ArgumentException.With.Message.Contains("'pooled' has batch 2, 'text' has 3")
        );

    [Test]
    public void A_negative_branch_needs_the_same_tensors() =>
        Assert.That(
            () => new Conditioning("text", torch.zeros([3, 2]), new("pooled", torch.zeros([3, 2]))),
            Throws.ArgumentException.With.Message.Contains("text").And.Message.Contains("pooled")
        );

    [Test]
    public void A_missing_tensor_is_an_error_that_lists_those_there_are() =>
        Assert.That(() => Rising()["pooled"], Throws.TypeOf<KeyNotFoundException>().With.Message.Contains("text"));

    private static Conditioning Rising()
    {
        var rising = torch.arange(6, dtype: ScalarType.Float64).reshape([3, 2]);
        return new("text", rising, new("text", -rising));
    }

    [TestCase(3, 1)]
    [TestCase(2, 2)]
    public void The_branches_of_guidance_are_joined_once_per_rollout(int chunk, int chunks)
    {
        using var world = new ChainWorld(batch: 3, guided: true);
        var recording = new Recording(world.Autograd);
        var executor = new SurrogateExecutor(
            new GuidedVelocityField(recording, 3.5),
            world.Schedule,
            new CpuLatentKernels(),
            new() { Storage = world.Type, RolloutChunk = chunk }
        );
        var plan = BatchPlan.Shared(new FullPlanner().FromIndices(world.Schedule), 3);
        using var rollout = executor.Rollout(
            new()
            {
                Plan = plan,
                Noise_B = world.Noise,
                Conditioning = world.Conditioning,
                RewardConditioning = world.Conditioning,
            }
        );
        Assert.That(recording.Seen, Has.Count.EqualTo(chunks * world.Schedule.Steps));
        Assert.That(recording.Seen.Take(chunks).Sum(conditioning => conditioning.Batch), Is.EqualTo(6));
        Assert.That(recording.Seen.Distinct(ReferenceEqualityComparer.Instance).Count(), Is.EqualTo(chunks));
    }

    // Keeps the conditioning of every evaluation.
    private sealed class Recording(IVelocityField inner) : IVelocityField
    {
        public List<Conditioning> Seen { get; } = [];

        public Tensor Evaluate(Tensor x_B, Tensor sigma_B, Conditioning conditioning, ForwardTrace? trace = null)
        {
            Seen.Add(conditioning);
            return inner.Evaluate(x_B, sigma_B, conditioning);
        }

        public Tensor? Vjp(
            Tensor x_B,
            Tensor sigma_B,
            Conditioning conditioning,
            Tensor cotangent_B,
            bool wantInputGradient,
            KeptForward? kept = null,
            IParameterGradients? gradients = null
        ) => inner.Vjp(x_B, sigma_B, conditioning, cotangent_B, wantInputGradient);
    }
}
