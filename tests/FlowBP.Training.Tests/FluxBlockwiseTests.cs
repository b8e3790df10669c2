// FLUX's transformers in parts: the parts make the whole, with the whole's gradients, and every parameter belongs to one of them.

using FlowBP.Models;
using FlowBP.Models.Transformers;
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

    [TestCase(FluxPipeline.ClassName)]
    [TestCase(Flux2KleinPipeline.ClassName)]
    public void Embedding_blocks_and_head_are_the_field(string family)
    {
        using var model = Load(family);
        var network = Network(model);
        using var conditioning = model.Encode(["a red circle", "two squares"]);
        var x_B = TinyModels.Waves(0.1, [2, .. model.LatentShape]);
        var sigma_B = torch.tensor(new[] { 0.5f, 0.75f });

        var streams = network.Embed(x_B, sigma_B, conditioning);
        List<int> moving = [streams.Moving.Count];
        for (var block = 0; block < network.Blocks; block++)
        {
            streams = streams with { Moving = network.Block(block, streams) };
            moving.Add(streams.Moving.Count);
        }
        var velocity = network.Head(streams, x_B.shape);

        var expected = model.Model.Field(4).Forward(x_B, sigma_B, conditioning);
        Assert.That(moving, Is.EqualTo(new[] { 2, 2, 1 }), "a double-stream block, then a single-stream one");
        Assert.That(Values(velocity), Is.EqualTo(Values(expected)));
        Assert.That(streams.Constants.Select(table => table.requires_grad), Is.All.False);
    }

    [TestCase(FluxPipeline.ClassName)]
    [TestCase(Flux2KleinPipeline.ClassName)]
    public void Every_parameter_belongs_to_one_part(string family)
    {
        using var model = Load(family);
        var network = Network(model);
        Tensor[] parts =
        [
            .. network.EmbedParameters,
            .. Enumerable.Range(0, network.Blocks).SelectMany(network.BlockParameters),
            .. network.HeadParameters,
        ];
        Assert.That(
            parts.Select(part => part.Handle),
            Is.EquivalentTo(model.Model.Transformer.parameters().Select(parameter => parameter.Handle))
        );
    }

    [TestCase(FluxPipeline.ClassName)]
    [TestCase(Flux2KleinPipeline.ClassName)]
    public void Blocks_pulled_back_one_by_one_have_the_gradients_of_the_whole(string family)
    {
        using var model = Load(family);
        var network = Network(model);
        using var conditioning = model.Encode(["a red circle", "two squares"]);
        var x_B = TinyModels.Waves(0.1, [2, .. model.LatentShape]);
        var sigma_B = torch.tensor(new[] { 0.5f, 0.75f });
        var cotangent_B = TinyModels.Waves(0.9, x_B.shape);
        var parameters = model.Model.Transformer.named_parameters().ToArray();

        model.Model.Field(4).Vjp(x_B, sigma_B, conditioning, cotangent_B, false);
        var expected = parameters.ToDictionary(p => p.name, p => Values(p.parameter.grad!));
        model.Model.Transformer.zero_grad();
        PullBack(network, x_B, sigma_B, conditioning, cotangent_B);

        var largest = expected.Values.Max(gradient => gradient.Max(Math.Abs));
        foreach (var (name, parameter) in parameters)
        {
            // The same sums, but for the order in which the shared vectors' gradients are added.
            Assert.That(Values(parameter.grad!), Is.EqualTo(expected[name]).Within(1e-5 * largest), name);
        }
    }

    // From the last block to the first, each with a graph of its own: whatever a block reads is an argument of it.
    private static void PullBack(
        IBlockwiseNetwork network,
        Tensor x_B,
        Tensor sigma_B,
        Conditioning conditioning,
        Tensor cotangent_B
    )
    {
        var embedded = network.Embed(x_B, sigma_B, conditioning);
        Tensor[] shared = [.. embedded.Shared.Select(Leaf)];
        List<IReadOnlyList<Tensor>> inputs =
        [
            [.. embedded.Moving.Select(Leaf)],
        ];
        for (var block = 0; block < network.Blocks; block++)
        {
            var moving = network.Block(block, embedded with { Moving = inputs[^1], Shared = shared });
            inputs.Add([.. moving.Select(Leaf)]);
        }
        var last = embedded with { Moving = inputs[^1], Shared = shared };
        torch.autograd.backward([network.Head(last, x_B.shape)], [cotangent_B]);
        for (var block = network.Blocks - 1; block >= 0; block--)
        {
            var outputs = network.Block(block, embedded with { Moving = inputs[block], Shared = shared });
            torch.autograd.backward([.. outputs], [.. inputs[block + 1].Select(input => input.grad!)]);
        }
        torch.autograd.backward(
            [.. embedded.Moving, .. embedded.Shared],
            [.. inputs[0].Select(input => input.grad!), .. shared.Select(vector => vector.grad!)]
        );

        static Tensor Leaf(Tensor stream) => stream.detach().requires_grad_();
    }

    private TextToImage Load(string family)
    {
        TinyModels.Writers[family](folder.Of("model"));
        return new TextToImage(folder.Of("model"), 4, prompts: new TinyModels.Prompts());
    }

    private static IBlockwiseNetwork Network(TextToImage model) =>
        model.Model.Transformer switch
        {
            FluxTransformer2DModel flux => new FluxBlockwise(flux, 4),
            Flux2Transformer2DModel flux2 => new Flux2Blockwise(flux2, 4),
            var other => throw new ArgumentException($"no blocks of {other.GetName()}"),
        };

    private static float[] Values(Tensor tensor) => tensor.detach().contiguous().data<float>().ToArray();
}
