using System.Runtime.InteropServices;

// B batch, D width.

namespace FlowBP.Torch.Tests;

/// <summary>Blocks that are run again in the backward pass: the numbers of the plain loop, the memory of one segment.</summary>
public class CheckpointedBlocksTests
{
    private const int Width = 5;
    private DisposeScope scope = null!;

    [SetUp]
    public void Open() => scope = torch.NewDisposeScope();

    [TearDown]
    public void Close() => scope.Dispose();

    private sealed class Block : nn.Module<Tensor, Tensor, Tensor>
    {
        private readonly Parameter weight_DD;
        private readonly Parameter scale_D;

        public Block(int seed)
            : base(nameof(Block))
        {
            weight_DD = new Parameter(Numbers.Wave([Width, Width], seed));
            scale_D = new Parameter(Numbers.Wave([Width], seed + 100));
            RegisterComponents();
        }

        public int Calls { get; private set; }

        public Action Fail { get; set; } = () => { };

        public override Tensor forward(Tensor x_BD, Tensor c_BD)
        {
            Calls++;
            Fail();
            return x_BD + (F.linear(x_BD, weight_DD) * (c_BD * scale_D).sigmoid()).tanh();
        }
    }

    private static Block[] Blocks(int count) => [.. Enumerable.Range(0, count).Select(seed => new Block(seed))];

    [TestCase(1)]
    [TestCase(2)]
    [TestCase(3)]
    [TestCase(7)]
    public void Values_and_all_gradients_are_those_of_the_loop(int every)
    {
        var blocks = Blocks(5);
        var (plain, checkpointed) = (Run(Loop), Run((x, c) => CheckpointedBlocks.Forward(blocks, x, c, every)));
        Assert.That(checkpointed, Has.Count.EqualTo(plain.Count).And.Count.EqualTo(3 + 2 * blocks.Length));
        for (var i = 0; i < plain.Count; i++)
        {
            Numbers.Are(plain[i], checkpointed[i], 1e-14);
        }

        Tensor Loop(Tensor x, Tensor c) => blocks.Aggregate(x, (stream, block) => block.call(stream, c));

        // The value, and the gradients of both inputs and of every parameter.
        List<double[]> Run(Func<Tensor, Tensor, Tensor> forward)
        {
            var x_BD = Numbers.Wave([3, Width], 1).requires_grad_();
            var c_BD = Numbers.Wave([3, Width], 2).requires_grad_();
            foreach (var parameter in blocks.SelectMany(block => block.parameters()))
            {
                parameter.grad = null;
            }
            var y_BD = forward(x_BD, c_BD);
            (y_BD * y_BD).sum().backward();
            Tensor[] leaves = [x_BD, c_BD, .. blocks.SelectMany(block => block.parameters())];
            return [Numbers.Of(y_BD), .. leaves.Select(leaf => Numbers.Of(leaf.grad!))];
        }
    }

    [Test]
    public void Parameters_get_gradients_where_the_input_needs_none()
    {
        var blocks = Blocks(2);
        var (x, c) = (Numbers.Wave([3, Width], 1), Numbers.Wave([3, Width], 2));
        CheckpointedBlocks.Forward(blocks, x, c).sum().backward();
        var found = blocks.SelectMany(block => block.parameters()).Select(p => Numbers.Of(p.grad!)).ToList();
        foreach (var parameter in blocks.SelectMany(block => block.parameters()))
        {
            parameter.grad = null;
        }
        blocks[1].call(blocks[0].call(x, c), c).sum().backward();
        var plain = blocks.SelectMany(block => block.parameters()).ToList();
        for (var i = 0; i < plain.Count; i++)
        {
            Numbers.Are(found[i], plain[i].grad!, 1e-14);
        }
    }

    [Test]
    public void Frozen_parameters_get_none_and_a_frozen_network_without_inputs_to_train_is_not_recorded()
    {
        var blocks = Blocks(3);
        foreach (var parameter in blocks[1].parameters())
        {
            parameter.requires_grad_(false);
        }
        var (x, c) = (Numbers.Wave([2, Width], 1).requires_grad_(), Numbers.Wave([2, Width], 2));
        CheckpointedBlocks.Forward(blocks, x, c).sum().backward();
        Assert.That(blocks[1].parameters().Select(p => p.grad), Is.All.Null);
        Assert.That(blocks[0].parameters().Select(p => p.grad), Has.None.Null);
        Block[] frozen = [blocks[1]];
        var y = CheckpointedBlocks.Forward(frozen, x.detach(), c);
        Assert.That(y.requires_grad, Is.False);
        Assert.That(frozen[0].Calls, Is.EqualTo(3));
    }

    [Test]
    public void A_block_is_run_twice_and_once_without_gradients()
    {
        var blocks = Blocks(4);
        var (x, c) = (Numbers.Wave([2, Width], 1), Numbers.Wave([2, Width], 2));
        CheckpointedBlocks.Forward(blocks, x, c).sum().backward();
        Assert.That(blocks.Select(block => block.Calls), Is.All.EqualTo(2));
        using (torch.no_grad())
        {
            CheckpointedBlocks.Forward(blocks, x, c);
        }
        Assert.That(blocks.Select(block => block.Calls), Is.All.EqualTo(3));
    }

    [Test]
    public void Several_streams_move_and_one_that_is_not_used_further_on_is_right()
    {
        var blocks = Blocks(3);
        IReadOnlyList<Tensor> Call(Block block, IReadOnlyList<Tensor> given) =>
            [block.call(given[0], given[2]), given[1] * 2, given[0] + given[1]];
        Assert.That(
            () =>
                CheckpointedBlocks.Forward(
                    blocks,
                    Call,
                    [Numbers.Wave([2, Width], 1), Numbers.Wave([2, Width], 3)],
                    [Numbers.Wave([2, Width], 2)]
                ),
            Throws.ArgumentException.With.Message.Contains("3 streams where 2 move on")
        );
        var a = Numbers.Wave([2, Width], 1).requires_grad_();
        var b = Numbers.Wave([2, Width], 3).requires_grad_();
        var streams = CheckpointedBlocks.Forward(
            blocks,
            (block, given) => [block.call(given[0], given[2]), given[1] * 2],
            [a, b],
            [Numbers.Wave([2, Width], 2)]
        );
        streams[1].sum().backward();
        Numbers.Are([.. Enumerable.Repeat(8.0, 2 * Width)], b.grad!);
        Assert.That(a.grad is null || Numbers.Of(a.grad).All(value => value == 0), Is.True);
    }

    [Test]
    public void No_handle_is_left_after_a_step()
    {
        var blocks = Blocks(4);
        Step();
        var before = NativeMemory.LiveHandles;
        for (var i = 0; i < 20; i++)
        {
            Step();
        }
        Assert.That(NativeMemory.LiveHandles, Is.EqualTo(before));

        void Step()
        {
            using var inner = torch.NewDisposeScope();
            var y = CheckpointedBlocks.Forward(blocks, Numbers.Wave([2, Width], 1), Numbers.Wave([2, Width], 2));
            Gradients.Backward([y.sum()]);
            foreach (var parameter in blocks.SelectMany(block => block.parameters()))
            {
                parameter.grad?.Dispose();
                parameter.grad = null;
            }
        }
    }

    private sealed class Wide : nn.Module<Tensor, Tensor>
    {
        public Wide()
            : base(nameof(Wide)) { }

        // Autograd keeps four tensors of this: sine, cosine, their product, and the result as the next one's input.
        public override Tensor forward(Tensor x)
        {
            using var inner = torch.NewDisposeScope();
            return (x.sin() * x.cos() * x).MoveToOuterDisposeScope();
        }
    }

    [Test]
    public void Between_forward_and_backward_only_the_inputs_of_the_segments_are_there()
    {
        if (ProcessMemory.CurrentBytes is null)
        {
            Assert.Ignore("this system does not tell a process's memory");
        }
        // Above 32 MiB the C library maps each tensor by itself, and gives it back when it is freed.
        const long Bytes = 40L << 20;
        const int Count = 4;
        Wide[] blocks = [.. Enumerable.Range(0, Count).Select(_ => new Wide())];
        var x = torch.ones([Bytes / sizeof(float)]).requires_grad_();
        var checkpointed = Held(() => CheckpointedBlocks.Forward(blocks, x));
        var plain = Held(() =>
        {
            using var inner = torch.NewDisposeScope();
            var stream = x;
            foreach (var block in blocks)
            {
                stream = block.call(stream);
            }
            return stream.MoveToOuterDisposeScope();
        });
        Assert.That(checkpointed, Is.EqualTo(Count * Bytes).Within(Bytes / 2));
        Assert.That(plain, Is.EqualTo(4 * Count * Bytes).Within(Bytes / 2));

        static long Held(Func<Tensor> forward)
        {
            using var inner = torch.NewDisposeScope();
            var before = ProcessMemory.CurrentBytes!.Value;
            var end = forward();
            var held = ProcessMemory.CurrentBytes!.Value - before;
            end.sum().backward();
            return held;
        }
    }

    private sealed class OutOfPaper : Exception;

    [Test]
    public void An_exception_while_a_block_is_run_again_is_that_exception_and_the_next_step_works()
    {
        var blocks = Blocks(3);
        var (x, c) = (Numbers.Wave([2, Width], 1), Numbers.Wave([2, Width], 2));
        var y = CheckpointedBlocks.Forward(blocks, x, c);
        blocks[1].Fail = () => throw new OutOfPaper();
        Assert.That(() => Gradients.Backward([y.sum()]), Throws.InstanceOf<OutOfPaper>());
        y = CheckpointedBlocks.Forward([blocks[0]], x, c);
        blocks[0].Fail = () => _ = torch.zeros(2).add(torch.zeros(3));
        Assert.That(
            () => Gradients.Backward([y.sum()]),
            Throws.InstanceOf<ExternalException>().With.Message.Contains("size")
        );
        blocks[0].Fail = () => { };
        blocks[1].Fail = () => { };
        CheckpointedBlocks.Forward(blocks, x, c).sum().backward();
        Assert.That(blocks.SelectMany(block => block.parameters()).Select(p => p.grad), Has.None.Null);
    }

    [Test]
    public void An_exception_arrives_from_plain_backward_as_an_exception_too()
    {
        var blocks = Blocks(2);
        var y = CheckpointedBlocks.Forward(blocks, Numbers.Wave([2, Width], 1), Numbers.Wave([2, Width], 2));
        blocks[1].Fail = () => throw new OutOfPaper();
        Assert.That(() => y.sum().backward(), Throws.InstanceOf<ExternalException>());
    }

    private sealed class Normalized : nn.Module<Tensor, Tensor>
    {
        private readonly nn.Module<Tensor, Tensor> inner;

        public Normalized(nn.Module<Tensor, Tensor> inner)
            : base(nameof(Normalized))
        {
            this.inner = inner;
            RegisterComponents();
        }

        public override Tensor forward(Tensor x) => inner.call(x);
    }

    [Test]
    public void Blocks_that_would_give_other_values_are_refused_while_they_train()
    {
        var x = torch.ones(2, Width).requires_grad_();
        var block = new Normalized(nn.Dropout(0.1));
        Assert.That(
            () => CheckpointedBlocks.Forward([new Normalized(nn.Dropout(0)), block], x),
            Throws.InstanceOf<NotSupportedException>().With.Message.Contains("block 1, inner is Dropout")
        );
        block.eval();
        Numbers.Are([.. Enumerable.Repeat(1.0, 2 * Width)], CheckpointedBlocks.Forward([block], x));
    }

    [Test]
    public void Second_derivatives_are_refused()
    {
        var blocks = Blocks(2);
        var x = Numbers.Wave([2, Width], 1).requires_grad_();
        var y = CheckpointedBlocks.Forward(blocks, x, Numbers.Wave([2, Width], 2)).sum();
        Assert.That(() => y.backward(create_graph: true), Throws.InstanceOf<ExternalException>());
    }

    [Test]
    public void A_segment_is_at_least_one_block()
    {
        Assert.That(
            () => CheckpointedBlocks.Forward(Blocks(1), torch.ones(1), torch.ones(1), every: 0),
            Throws.InstanceOf<ArgumentOutOfRangeException>()
        );
    }
}
