namespace FlowBP.Torch.Tests;

/// <summary>Names, order and loading: what checkpoints depend on.</summary>
public class ModuleTests
{
#pragma warning disable IDE1006 // Field names are state-dict names.
    private abstract class Base : nn.Module<Tensor, Tensor>
    {
        protected readonly Linear first = nn.Linear(2, 3);

        protected Base()
            : base(nameof(Base)) { }
    }

    private sealed class Derived : Base
    {
        private readonly ModuleList<Linear> layers;
        private readonly Sequential to_out;
        private readonly Parameter scale;
        private readonly Tensor table;
        private readonly Linear? absent = null;
        private readonly int width = 3;

        public Derived()
        {
            layers = nn.ModuleList(nn.Linear(3, 3, hasBias: false), nn.Linear(3, 3));
            to_out = nn.Sequential(nn.Linear(3, 1), nn.SiLU(), nn.LayerNorm(1));
            scale = nn.Parameter(torch.ones(3));
            table = torch.arange(width);
            Norm = nn.GroupNorm(1, 3);
            RegisterComponents();
        }

        public GroupNorm Norm { get; }

        public Linear? Absent => absent;

        public override Tensor forward(Tensor input) =>
            to_out.call((layers[1].call(layers[0].call(first.call(input))) * scale) + table);
    }
#pragma warning restore IDE1006

    private static readonly string[] Names =
    [
        "scale",
        "table",
        "first.weight",
        "first.bias",
        "layers.0.weight",
        "layers.1.weight",
        "layers.1.bias",
        "to_out.0.weight",
        "to_out.0.bias",
        "to_out.2.weight",
        "to_out.2.bias",
        "Norm.weight",
        "Norm.bias",
    ];

    [Test]
    public void Names_are_the_fields_names_in_the_order_of_declaration_and_bases_come_first()
    {
        using var module = new Derived();
        Assert.That(module.state_dict().Keys, Is.EquivalentTo(Names));
        Assert.That(module.named_parameters().Select(p => p.name), Is.EqualTo(Names.Where(n => n != "table")));
        Assert.That(module.named_buffers().Select(b => b.name), Is.EqualTo(new[] { "table" }));
        Assert.That(module.parameters(), Has.All.Matches<Parameter?>(p => p!.requires_grad));
        Assert.That(module.state_dict(prefix: "net").Keys, Has.All.StartsWith("net."));
        Assert.That(module.Absent, Is.Null);
    }

    [Test]
    public void Modules_below_come_level_by_level()
    {
        using var module = new Derived();
        Assert.That(
            module.named_modules().Select(m => m.name),
            Is.EqualTo(
                new[]
                {
                    "first",
                    "layers",
                    "to_out",
                    "Norm",
                    "layers.0",
                    "layers.1",
                    "to_out.0",
                    "to_out.1",
                    "to_out.2",
                }
            )
        );
    }

    [Test]
    public void Parameters_and_buffers_are_found_by_path()
    {
        using var module = new Derived();
        Assert.That(module.get_parameter("layers.1.bias")!.shape, Is.EqualTo(new long[] { 3 }));
        Assert.That(module.get_parameter("layers.0.bias"), Is.Null);
        Assert.That(module.named_buffers().Single(b => b.name == "table").buffer.dtype, Is.EqualTo(ScalarType.Int64));
    }

    [Test]
    public void Loading_copies_and_converts()
    {
        using var scope = torch.NewDisposeScope();
        using var module = new Derived();
        var state = module.state_dict().ToDictionary(t => t.Key, t => torch.full(t.Value.shape, 2, torch.float64));
        (var missing, var unexpected) = module.load_state_dict(state);

        Assert.That(missing, Is.Empty);
        Assert.That(unexpected, Is.Empty);
        Assert.That(module.state_dict().Values, Has.All.Matches<Tensor?>(t => t!.eq(2).all().item<bool>()));
        Assert.That(module.get_parameter("scale")!.dtype, Is.EqualTo(ScalarType.Float32));
        Assert.That(module.get_parameter("scale")!.requires_grad, Is.True);
        Close.To([2], module.Norm.weight![..1]);
    }

    [Test]
    public void Loading_names_all_problems_and_changes_nothing()
    {
        using var scope = torch.NewDisposeScope();
        using var module = nn.Sequential(nn.Linear(2, 3), nn.Linear(3, 1));
        var state = new Dictionary<string, Tensor>
        {
            ["0.weight"] = torch.ones(3, 2),
            ["0.bias"] = torch.ones(4),
            ["1.weight"] = torch.ones([2, 2], torch.float64),
            ["1.scale"] = torch.ones(1),
        };

        Exception failure = Assert.Throws<InvalidOperationException>(() => module.load_state_dict(state))!;
        Assert.That(failure.Message, Does.Contain("missing [1.bias]"));
        Assert.That(failure.Message, Does.Contain("unexpected [1.scale]"));
        Assert.That(failure.Message, Does.Contain("0.bias is float32[4], expected float32[3]"));
        Assert.That(failure.Message, Does.Contain("1.weight is float64[2, 2], expected float32[1, 3]"));
        Close.To(new double[6], module.get_parameter("0.weight")!);

        failure = Assert.Throws<InvalidOperationException>(() => module.load_state_dict(state, strict: false))!;
        Assert.That(failure.Message, Does.Contain("0.bias").And.Not.Contain("missing"));

        (var missing, var unexpected) = module.load_state_dict(state, strict: false, skip: ["0.bias", "1.weight"]);
        Assert.That(missing, Is.EqualTo(new[] { "1.bias" }));
        Assert.That(unexpected, Is.EqualTo(new[] { "1.scale" }));
        Close.To([1, 1, 1, 1, 1, 1], module.get_parameter("0.weight")!);
    }

    [Test]
    public void A_buffer_that_is_not_persistent_is_no_part_of_the_state()
    {
        using var module = new WithBuffers();
        Assert.That(module.state_dict().Keys, Is.EqualTo(new[] { "kept" }));
        Assert.That(module.named_buffers().Select(b => b.name), Is.EqualTo(new[] { "kept", "derived" }));
        Assert.That(module.buffers(include_nonpersistent: false).Count(), Is.EqualTo(1));
    }

    private sealed class WithBuffers : nn.Module
    {
        public WithBuffers()
            : base(nameof(WithBuffers))
        {
            register_buffer("kept", torch.ones(1));
            register_buffer("derived", torch.ones(1), persistent: false);
        }

        public void Again() => register_buffer("kept", torch.ones(1));

        public void Dotted() => register_module("a.b", nn.SiLU());
    }

    [Test]
    public void Names_are_unique_and_have_no_dots()
    {
        using var scope = torch.NewDisposeScope();
        using var module = new WithBuffers();
        Assert.That(module.Again, Throws.ArgumentException.With.Message.Contains("already has a component named kept"));
        Assert.That(module.Dotted, Throws.ArgumentException.With.Message.Contains("a.b"));
    }

    [Test]
    public void Containers_grow()
    {
        using var list = nn.ModuleList<Linear>();
        list.append(nn.Linear(1, 1), nn.Linear(1, 1));
        list.extend([nn.Linear(1, 1)]);
        Assert.That(list, Has.Count.EqualTo(3));
        Assert.That(list.named_modules().Select(c => c.name), Is.EqualTo(new[] { "0", "1", "2" }));
    }

    [Test]
    public void Training_mode_reaches_all_below()
    {
        using var module = new Derived();
        Assert.That(module.training, Is.True);
        module.eval();
        Assert.That(module.named_modules().Select(m => m.module.training), Has.None.True);
        module.train();
        Assert.That(module.named_modules().Select(m => m.module.training), Has.None.False);
    }

    [Test]
    public void A_conversion_keeps_objects_gradients_and_integers()
    {
        using var scope = torch.NewDisposeScope();
        using var module = new Derived();
        var scale = module.get_parameter("scale")!;
        (scale * 3).sum().backward();

        var same = module.to(ScalarType.BFloat16);

        Assert.That(same, Is.SameAs(module));
        Assert.That(module.get_parameter("scale"), Is.SameAs(scale));
        Assert.That(scale.dtype, Is.EqualTo(ScalarType.BFloat16));
        Assert.That(scale.requires_grad, Is.True);
        Assert.That(scale.grad!.dtype, Is.EqualTo(ScalarType.BFloat16));
        Close.To([3, 3, 3], scale.grad!);
        Assert.That(module.named_buffers().Single(b => b.name == "table").buffer.dtype, Is.EqualTo(ScalarType.Int64));
        Assert.That(module.call(torch.ones([1, 2], ScalarType.BFloat16)).dtype, Is.EqualTo(ScalarType.BFloat16));
    }

    [Test]
    public void A_conversion_that_changes_nothing_leaves_graphs_whole()
    {
        using var scope = torch.NewDisposeScope();
        using var layer = nn.Linear(2, 1, hasBias: false);
        var y = layer.call(torch.ones(1, 2));
        layer.to(ScalarType.Float32).to(torch.CPU);
        y.backward();
        Close.To([1, 1], layer.weight.grad!);
        layer.zero_grad(set_to_none: false);
        Close.To([0, 0], layer.weight.grad!);
        layer.zero_grad();
        Assert.That(layer.weight.grad, Is.Null);
    }

    [Test]
    public void A_parameter_shares_memory_with_what_it_is_made_of_and_no_scope_disposes_it()
    {
        var data = torch.zeros(2);
        Parameter parameter;
        using (torch.NewDisposeScope())
        {
            parameter = nn.Parameter(data);
        }

        data.fill_(4);
        Close.To([4, 4], parameter);
        Assert.That(data.requires_grad, Is.False);
        Assert.That(parameter.requires_grad, Is.True);
        parameter.Dispose();
        data.Dispose();
    }

    [Test]
    public void A_module_without_memory_gets_memory_of_its_own()
    {
        using var module = WithoutMemory();
        var before = module.parameters().ToArray();
        before[0].requires_grad = false;

        var same = module.ToEmpty(torch.CPU, ScalarType.BFloat16);

        Assert.That(same, Is.SameAs(module));
        Assert.That(module.parameters(), Is.EqualTo(before));
        Assert.That(module.parameters(), Has.All.Property("device").EqualTo(torch.CPU));
        Assert.That(module.parameters(), Has.All.Property("dtype").EqualTo(ScalarType.BFloat16));
        Assert.That(before.Select(parameter => parameter.requires_grad), Is.EqualTo(before.Select((_, i) => i > 0)));
        // A buffer of integers keeps its type.
        Assert.That(module.buffers().Single().dtype, Is.EqualTo(ScalarType.Int64));
        before[0].fill_(2);
        Assert.That(before[0].detach().to(ScalarType.Float32).mean().item<float>(), Is.EqualTo(2));
    }

    private static Derived WithoutMemory()
    {
        torch.set_default_device(torch.META);
        try
        {
            return new Derived();
        }
        finally
        {
            torch.set_default_device(torch.CPU);
        }
    }
}
