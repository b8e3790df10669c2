namespace FlowBP.Torch.Tests;

public class DisposeScopeTests
{
    [Test]
    public void What_is_created_inside_is_disposed_at_the_end()
    {
        using var x = torch.ones(3);
        var before = Close.LiveHandles();
        Tensor inside;
        using (var scope = torch.NewDisposeScope())
        {
            inside = (x * 2).exp();
            Assert.That(scope.DisposablesCount, Is.EqualTo(2));
            Assert.That(scope.Contains(inside), Is.True);
        }

        Assert.That(inside.IsInvalid, Is.True);
        Assert.That(x.IsInvalid, Is.False);
        Assert.That(NativeMemory.LiveHandles, Is.EqualTo(before));
    }

    [Test]
    public void A_tensor_moves_outwards_one_scope_at_a_time()
    {
        var before = Close.LiveHandles();
        using (var outer = torch.NewDisposeScope())
        {
            Tensor x;
            using (var inner = torch.NewDisposeScope())
            {
                x = torch.ones(1).MoveToOuterDisposeScope();
                Assert.That(outer.Contains(x), Is.True);
                Assert.That(inner.OuterScope, Is.SameAs(outer));
                (var first, var second) = inner.MoveToOuter(torch.ones(1), torch.ones(1));
                Assert.That(outer.Contains(first) && outer.Contains(second), Is.True);
            }

            Assert.That(x.IsInvalid, Is.False);
        }

        Assert.That(NativeMemory.LiveHandles, Is.EqualTo(before));
    }

    [Test]
    public void A_tensor_moved_out_of_the_outermost_scope_or_detached_is_its_owners()
    {
        Tensor moved;
        Tensor detached;
        using (var scope = torch.NewDisposeScope())
        {
            moved = torch.ones(1).MoveToOuterDisposeScope();
            detached = torch.ones(1).DetachFromDisposeScope();
            Assert.That(scope.DisposablesCount, Is.Zero);
        }

        Assert.That(moved.IsInvalid || detached.IsInvalid, Is.False);
        using (var scope = torch.NewDisposeScope())
        {
            scope.Attach(moved);
            scope.Attach(detached);
        }

        Assert.That(moved.IsInvalid && detached.IsInvalid, Is.True);
    }

    [Test]
    public void Moving_a_tensor_of_another_scope_does_nothing()
    {
        using var outer = torch.NewDisposeScope();
        var x = torch.ones(1);
        using var inner = torch.NewDisposeScope();
        inner.MoveToOuter(x);
        inner.Detach(x);
        Assert.That(outer.Contains(x), Is.True);
    }

    [Test]
    public void A_scope_can_be_emptied_and_goes_on()
    {
        using var scope = torch.NewDisposeScope();
        var kept = torch.ones(1);
        var dropped = torch.ones(1);
        scope.DisposeEverythingBut(kept);
        Assert.That(kept.IsInvalid, Is.False);
        Assert.That(dropped.IsInvalid, Is.True);
        scope.DisposeEverything();
        Assert.That(kept.IsInvalid, Is.True);
        Assert.That(scope.Contains(torch.ones(1)), Is.True);
    }

    [Test]
    public void Tensors_disposed_in_any_order_leave_the_others_in_place()
    {
        using var scope = torch.NewDisposeScope();
        Tensor[] tensors = [.. Enumerable.Range(0, 10).Select(i => torch.full([1], i))];
        foreach (var i in new[] { 0, 9, 4, 5, 1 })
        {
            tensors[i].Dispose();
        }

        Assert.That(scope.DisposablesCount, Is.EqualTo(5));
        Assert.That(tensors.Where(t => !t.IsInvalid), Is.All.Matches<Tensor?>(t => scope.Contains(t!)));
        Assert.That(tensors[7].item<float>(), Is.EqualTo(7));
    }

    [Test]
    public void Scopes_closed_in_the_wrong_order_still_close()
    {
        var before = Close.LiveHandles();
        var outer = torch.NewDisposeScope();
        var inner = torch.NewDisposeScope();
        outer.Dispose();
        var x = torch.ones(1);
        Assert.That(inner.Contains(x), Is.True);
        inner.Dispose();
        Assert.That(x.IsInvalid, Is.True);

        using var free = torch.ones(1);
        Assert.That(free.IsInvalid, Is.False);
        Assert.That(NativeMemory.LiveHandles, Is.EqualTo(before + 1));
        inner.Dispose();
        outer.Dispose();
    }

    [Test]
    public void A_failing_expression_leaks_nothing()
    {
        using var x = torch.ones(3);
        var before = Close.LiveHandles();
        Assert.That(
            () =>
            {
                using var scope = torch.NewDisposeScope();
                return ((x * 2) + torch.ones(4)).MoveToOuterDisposeScope();
            },
            Throws.Exception
        );
        Assert.That(NativeMemory.LiveHandles, Is.EqualTo(before));
    }

    [Test]
    public void Layers_and_their_calls_leave_only_what_is_asked_for()
    {
        var before = Close.LiveHandles();
        using (
            var net = nn.Sequential(
                nn.Linear(4, 8),
                nn.SiLU(),
                nn.LayerNorm(8),
                nn.Identity(),
                nn.Linear(8, 2, hasBias: false)
            )
        )
        {
            Assert.That(NativeMemory.LiveHandles, Is.EqualTo(before + 5));
            using var x = torch.ones(3, 4);
            using var y = net.call(x);
            Assert.That(NativeMemory.LiveHandles, Is.EqualTo(before + 7));
            using (torch.NewDisposeScope())
            {
                y.sum().backward();
                using var optimizer = torch.optim.AdamW(net.parameters());
                optimizer.step();
                optimizer.zero_grad();
                nn.utils.clip_grad_norm_(net.parameters(), 1);
            }

            Assert.That(NativeMemory.LiveHandles, Is.EqualTo(before + 7));
        }

        Assert.That(NativeMemory.LiveHandles, Is.EqualTo(before));
    }
}
