// A low-rank adapter on whole networks: it starts as nothing, trains alone, and merged is the same as applied.

using FlowBP.Models.Adapters;
using FlowBP.Settings;
using static FlowBP.Models.Tests.TestNetworks;
using static FlowBP.Models.Tests.TrainedAdapters;

namespace FlowBP.Models.Tests;

public sealed class LoraTests
{
    [Test]
    public void A_new_adapter_changes_nothing_and_no_name()
    {
        using var model = Transformer();
        string[] names = [.. model.state_dict().Keys];
        var before = Velocity(model);
        using var adapter = LoraAdapter.Attach(model, Config, seed: 1);

        using (Assert.EnterMultipleScope())
        {
            Assert.That(Velocity(model), Is.EqualTo(before));
            Assert.That(model.state_dict().Keys, Is.EqualTo(names));
        }
    }

    [Test]
    public void Targets_are_layers_by_the_end_of_their_path()
    {
        using var model = Transformer();
        using var adapter = LoraAdapter.Attach(
            model,
            Config with
            {
                TargetModules = ["attn.to_q", "to_out.0", "transformer_blocks.1.ff.net.2"],
            },
            seed: 1
        );

        Assert.That(
            adapter.Layers.Select(layer => layer.Path).Order(StringComparer.Ordinal),
            Is.EqualTo(
                new[]
                {
                    "transformer_blocks.0.attn.to_out.0",
                    "transformer_blocks.0.attn.to_q",
                    "transformer_blocks.1.attn.to_out.0",
                    "transformer_blocks.1.attn.to_q",
                    "transformer_blocks.1.attn2.to_out.0",
                    "transformer_blocks.1.ff.net.2",
                    "transformer_blocks.2.attn.to_out.0",
                    "transformer_blocks.2.attn.to_q",
                }
            )
        );
    }

    [Test]
    public void A_target_that_no_layer_answers_to_is_refused()
    {
        using var model = Transformer();

        Assert.That(
            () => LoraAdapter.Attach(model, Config with { TargetModules = ["to_q", "to_qq"] }, seed: 1),
            Throws
                .TypeOf<InvalidSettingException>()
                .With.Message.StartsWith("lora target 'to_qq': SD3Transformer2DModel has no such linear layer; it has ")
        );
        Assert.That(model.parameters().Select(p => p.requires_grad), Is.All.True);
    }

    [TestCase(0, 1.0)]
    [TestCase(4, 0.0)]
    [TestCase(4, double.NaN)]
    public void Settings_that_mean_nothing_are_refused(int rank, double alpha)
    {
        using var model = Transformer();

        Assert.That(
            () => LoraAdapter.Attach(model, Config with { Rank = rank, Alpha = alpha }, seed: 1),
            Throws.TypeOf<InvalidSettingException>()
        );
    }

    [Test]
    public void The_first_factor_is_Kaiming_uniform_and_the_second_zero()
    {
        using Wide model = new();
        using var adapter = LoraAdapter.Attach(
            model,
            new LoraConfig { Rank = 64, TargetModules = ["to_q", "to_k"] },
            seed: 5
        );
        var a = Values(adapter.Layers[0].A_RI);
        var other = Values(adapter.Layers[1].A_RI);
        var bound = 1 / Math.Sqrt(Wide.Inputs);

        using (Assert.EnterMultipleScope())
        {
            Assert.That(adapter.Layers[0].A_RI.shape, Is.EqualTo(new long[] { 64, Wide.Inputs }));
            Assert.That(a.Max(Math.Abs), Is.InRange(0.99 * bound, bound));
            // A uniform variable's deviation is its bound over √3; five deviations of the mean and of the mean square.
            Assert.That(a.Average(), Is.EqualTo(0).Within(5 * bound / Math.Sqrt(3.0 * a.Length)));
            Assert.That(
                a.Average(v => v * v / (bound * bound)),
                Is.EqualTo(1.0 / 3).Within(5 * Math.Sqrt(4.0 / 45 / a.Length))
            );
            Assert.That(other, Is.Not.EqualTo(a));
            Assert.That(Values(adapter.Layers[0].B_OR), Is.All.Zero);
        }
    }

    [Test]
    public void A_layer_starts_the_same_whatever_else_is_adapted()
    {
        float[] First(params string[] targets)
        {
            using var model = Transformer();
            using var adapter = LoraAdapter.Attach(model, Config with { TargetModules = targets }, seed: 9);
            return Values(adapter.Layers.Single(layer => layer.Path == "transformer_blocks.1.attn.to_q").A_RI);
        }

        Assert.That(First("to_k", "to_q"), Is.EqualTo(First("to_q")));
    }

    [Test]
    public void Only_the_adapter_trains()
    {
        using var scope = torch.NewDisposeScope();
        using var model = Transformer();
        using var adapter = Trained(model);
        Output(model).sum().backward();

        using (Assert.EnterMultipleScope())
        {
            Assert.That(model.parameters().Select(p => p.requires_grad), Is.All.False);
            Assert.That(model.parameters().Select(p => p.grad), Is.All.Null);
            Assert.That(adapter.parameters().Select(p => p.requires_grad), Is.All.True);
            Assert.That(adapter.parameters().Count(), Is.EqualTo(2 * adapter.Layers.Count));
            // The last block does not use the queries of the text.
            foreach (
                var (name, parameter) in adapter.named_parameters().Where(p => !p.name.Contains("2.attn.add_q_proj"))
            )
            {
                Assert.That(parameter.grad, Is.Not.Null, name);
                Assert.That(Values(parameter.grad!).Max(Math.Abs), Is.GreaterThan(0), name);
            }
        }
    }

    [Test]
    public void The_change_of_one_layer_is_the_scaled_product_of_its_factors()
    {
        using var scope = torch.NewDisposeScope();
        using Wide model = new();
        using var adapter = LoraAdapter.Attach(
            model,
            new LoraConfig
            {
                Rank = 3,
                Alpha = 6,
                TargetModules = ["to_q"],
            },
            seed: 2
        );
        var layer = adapter.Layers[0];
        using (torch.no_grad())
        {
            layer.B_OR.copy_(Waves(layer.B_OR.shape));
            // The layer alone gives zero, so that its result is the change.
            model.to_q.weight!.zero_();
            model.to_q.bias!.zero_();
        }
        var x = Waves(2, Wide.Inputs);
        var expected = x.matmul(layer.A_RI.transpose(0, 1)).matmul(layer.B_OR.transpose(0, 1)) * 2.0;

        Assert.That(Values(model.to_q.call(x)), Is.EqualTo(Values(expected)).Within(1e-6f));
    }

    [Test]
    public void Merged_equals_applied()
    {
        using var model = Transformer();
        var plain = Velocity(model);
        using var adapter = Trained(model);
        var applied = Velocity(model);

        adapter.Merge(model);

        double scale = applied.Max(Math.Abs);
        using (Assert.EnterMultipleScope())
        {
            Assert.That(Difference(applied, plain), Is.GreaterThan(1e-2 * scale), "the adapter does something");
            Assert.That(Difference(Velocity(model), applied), Is.LessThan(1e-5 * scale));
            Assert.That(model.parameters().Select(p => p.requires_grad), Is.All.True);
        }
    }

    [Test]
    public void Switched_off_or_taken_off_the_model_is_as_it_was()
    {
        using var model = Transformer();
        var plain = Velocity(model);
        using var adapter = Trained(model);
        var applied = Velocity(model);

        adapter.Enabled = false;
        Assert.That(Velocity(model), Is.EqualTo(plain));
        adapter.Enabled = true;
        Assert.That(Velocity(model), Is.EqualTo(applied));
        adapter.Detach();
        Assert.That(Velocity(model), Is.EqualTo(plain));
    }

    [Test]
    public void On_a_bfloat16_model_the_factors_stay_in_Float32()
    {
        using var scope = torch.NewDisposeScope();
        using var model = new Wide().to(ScalarType.BFloat16);
        using var adapter = LoraAdapter.Attach(model, new LoraConfig { TargetModules = ["to_q"] }, seed: 2);
        var result = model.to_q.call(Waves(2, Wide.Inputs).to_type(ScalarType.BFloat16));

        Assert.That(result.dtype, Is.EqualTo(ScalarType.BFloat16));
        Assert.That(adapter.parameters().Select(p => p.dtype), Is.All.EqualTo(ScalarType.Float32));
    }

    private static double Difference(float[] a, float[] b) => a.Zip(b).Max(pair => Math.Abs(pair.First - pair.Second));
}
