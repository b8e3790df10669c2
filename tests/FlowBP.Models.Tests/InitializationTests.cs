// New models must be the same everywhere, and their weights must have the spread that they are said to have.

using FlowBP.Models.Clip;
using FlowBP.Models.Layers;
using static FlowBP.Models.Tests.TestNetworks;

namespace FlowBP.Models.Tests;

public sealed class InitializationTests
{
    [Test]
    public void The_same_seed_gives_the_same_weights_and_another_seed_others()
    {
        var first = Weights(seed: 5);
        var again = Weights(seed: 5);

        Assert.That(again, Is.EqualTo(first));
        Assert.That(Weights(seed: 6), Is.Not.EqualTo(first));
    }

    [Test]
    public void A_further_layer_changes_no_other_weights()
    {
        using var two = New(SmallClip.Text, seed: 1);
        using var three = New(SmallClip.Text with { NumHiddenLayers = 3 }, seed: 1);

        var larger = three.state_dict();
        foreach (var (name, tensor) in two.state_dict())
        {
            Assert.That(Values(larger[name]), Is.EqualTo(Values(tensor)), name);
        }
    }

    [Test]
    public void Matrices_are_xavier_uniform_embeddings_normal_norms_one_and_biases_zero()
    {
        var config = SmallClip.Text with { HiddenSize = 64, IntermediateSize = 128, VocabSize = 500 };
        using var model = New(config, seed: 3);
        var state = model.state_dict();

        var matrix = Values(state["text_model.encoder.layers.0.mlp.fc1.weight"]);
        var table = Values(state["text_model.embeddings.token_embedding.weight"]);
        var bound = Math.Sqrt(6.0 / (64 + 128));
        using (Assert.EnterMultipleScope())
        {
            Assert.That(matrix.Max(Math.Abs), Is.InRange(0.99 * bound, bound));
            Assert.That(matrix.Average(), Is.EqualTo(0).Within(5 * bound / Math.Sqrt(3 * matrix.Length)));
            // The deviation of a sample deviation is σ / √(2n); five of them.
            var deviation = Math.Sqrt(table.Average(v => (double)v * v));
            Assert.That(deviation, Is.EqualTo(0.02).Within(5 * 0.02 / Math.Sqrt(2.0 * table.Length)));
            Assert.That(Values(state["text_model.final_layer_norm.weight"]), Is.All.EqualTo(1f));
            Assert.That(Values(state["text_model.final_layer_norm.bias"]), Is.All.EqualTo(0f));
        }
    }

    private static CLIPTextModelWithProjection New(ClipTextConfig config, ulong seed)
    {
        var model = new CLIPTextModelWithProjection(config);
        ParameterInitialization.Apply(model, seed);
        return model;
    }

    private static float[] Weights(ulong seed)
    {
        using var model = New(SmallClip.Text, seed);
        return [.. model.parameters().SelectMany(Values)];
    }
}
