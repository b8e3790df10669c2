// FLUX's transformers in parts: the parts make the whole, with the whole's gradients, and every parameter belongs to one of them.

using FlowBP.Families;
using FlowBP.Families.Flux1;
using FlowBP.Families.Flux2;
using FlowBP.Families.Networks;
using FlowBP.Surrogates;
using FlowBP.Training.Pipelines;

namespace FlowBP.Training.Tests;

public class FluxBlockwiseTests
{
    private TemporaryFolder folder = null!;
    private DisposeScope scope = null!;

    [SetUp]
    public void Open()
    {
        folder = new();
        scope = torch.NewDisposeScope();
    }

    [TearDown]
    public void Close()
    {
        scope.Dispose();
        folder.Dispose();
    }

    [TestCase(Flux1Family.PipelineClass)]
    [TestCase(Flux2Family.PipelineClass)]
    public void Embedding_blocks_and_head_are_the_field(string family)
    {
        using var model = Load(family);
        var network = Network(model);
        using var conditioning = model.Painter.Encode(["a red circle", "two squares"]);
        var x_B = TinyModels.Waves(0.1, [2, .. model.LatentShape]);
        var sigma_B = torch.tensor(new[] { 0.5f, 0.75f });

        var streams = network.Embed(x_B, sigma_B, conditioning);
        List<int> moving = [streams.Moving.Count];
        foreach (var block in network.Blocks)
        {
            streams = streams with { Moving = block.Apply(streams) };
            moving.Add(streams.Moving.Count);
        }
        var velocity = network.Head(streams, x_B.shape);

        var expected = Whole(model).Forward(x_B, sigma_B, conditioning);
        Assert.That(moving, Is.EqualTo(new[] { 2, 2, 1 }), "a double-stream block, then a single-stream one");
        Assert.That(Values(velocity), Is.EqualTo(Values(expected)));
        var rotary_N = ((TransformerStreams)streams).Rotary_N!;
        Assert.That(rotary_N.Cosine_NP.requires_grad || rotary_N.Sine_NP.requires_grad, Is.False);
    }

    [TestCase(Flux1Family.PipelineClass)]
    [TestCase(Flux2Family.PipelineClass)]
    public void Every_parameter_belongs_to_one_part(string family)
    {
        using var model = Load(family);
        var network = Network(model);
        Tensor[] parts =
        [
            .. network.EmbedParameters,
            .. network.Blocks.SelectMany(block => block.Parameters),
            .. network.HeadParameters,
        ];
        Assert.That(
            parts.Select(part => part.Handle),
            Is.EquivalentTo(model.Model.Transformer.parameters().Select(parameter => parameter.Handle))
        );
    }

    [TestCase(Flux1Family.PipelineClass)]
    [TestCase(Flux2Family.PipelineClass)]
    public void Blocks_pulled_back_one_by_one_have_the_gradients_of_the_whole(string family)
    {
        using var model = Load(family);
        using var conditioning = model.Painter.Encode(["a red circle", "two squares"]);
        var x_B = TinyModels.Waves(0.1, [2, .. model.LatentShape]);
        var sigma_B = torch.tensor(new[] { 0.5f, 0.75f });
        var cotangent_B = TinyModels.Waves(0.9, x_B.shape);
        var parameters = model.Model.Transformer.named_parameters().ToArray();

        var expectedInput = Values(Whole(model).Vjp(x_B, sigma_B, conditioning, cotangent_B, true)!);
        var expected = parameters.ToDictionary(p => p.name, p => Values(p.parameter.grad!));
        var largest = expected.Values.Max(gradient => gradient.Max(Math.Abs));
        foreach (
            var checkpointing in (GradientCheckpointing[])[GradientCheckpointing.Blocks, GradientCheckpointing.Every(2)]
        )
        {
            model.Model.Transformer.zero_grad();
            var input = Fields
                .Blockwise(model.Model.Transformer, checkpointing, guidance: 4)
                .Vjp(x_B, sigma_B, conditioning, cotangent_B, true)!;
            Assert.That(Values(input), Is.EqualTo(expectedInput).Within(1e-5 * expectedInput.Max(Math.Abs)));
            foreach (var (name, parameter) in parameters)
            {
                // The same sums, but for the order in which the shared vectors' gradients are added.
                Assert.That(Values(parameter.grad!), Is.EqualTo(expected[name]).Within(1e-5 * largest), name);
            }
        }
    }

    private TextToImage Load(string family)
    {
        TinyModels.Writers[family](folder.Of("model"));
        return new TextToImage(ModelFolder.At(folder.Of("model"), 4), prompts: new TinyModels.Prompts());
    }

    private static BlockwiseTransformer Network(TextToImage model) => model.Model.Blockwise(4);

    // The reference: one graph of everything.
    private static AutogradVelocityField Whole(TextToImage model) => Fields.Whole(model.Model.Transformer, 4);
}
