// Predictions in closed form: what a layer keeps, how many weights the released networks have, how often a method evaluates,
// what sharding divides.

using System.Text.Json;
using FlowBP.Families;
using FlowBP.Families.Tracing;
using FlowBP.Models.Adapters;
using FlowBP.Settings;
using FlowBP.Training.Planning;

namespace FlowBP.Training.Tests;

/// <summary>The numbers of a prediction.</summary>
public class RunPlanTests
{
    private static readonly string[] PlanNames = ["sd35", "flux1", "flux2", "embedded"];

    [Test]
    public void A_linear_layer_keeps_its_input_only_if_its_weights_are_trained()
    {
        long Kept(bool trains)
        {
            var trace = new OperationTrace(new TraceOptions { TrainsWeights = trains });
            trace.BeginScope();
            var output = trace.Linear(trace.Made(8 * 16, true), 16, 32);
            trace.EndScope(output);
            return trace.LiveBytes - output.Bytes;
        }
        Assert.That(Kept(trains: true), Is.EqualTo(8 * 16 * sizeof(float)));
        Assert.That(Kept(trains: false), Is.Zero);
    }

    [Test]
    public void A_matrix_product_costs_twice_its_forward_in_the_backward()
    {
        var trace = new OperationTrace(new TraceOptions());
        trace.Backward(trace.Linear(trace.Given(8 * 16, true), 16, 32));
        Assert.That(trace.ForwardFlops, Is.EqualTo(2.0 * 8 * 16 * 32));
        Assert.That(trace.BackwardFlops, Is.EqualTo(2 * trace.ForwardFlops));
        Assert.That(trace.Parameters, Is.EqualTo((16 * 32) + 32));
    }

    [Test]
    public void A_scope_keeps_intermediate_results_until_it_ends()
    {
        var trace = new OperationTrace(new TraceOptions { Recording = false });
        var input = trace.Given(1000);
        trace.BeginScope();
        var last = trace.Scale(trace.Scale(trace.Scale(input)));
        trace.EndScope(last);
        Assert.That(trace.PeakBytes, Is.EqualTo(3 * 4000));
        Assert.That(trace.LiveBytes, Is.EqualTo(4000));
    }

    [Test]
    public void A_backward_gives_back_everything_but_the_gradients_of_leaves()
    {
        var trace = new OperationTrace(new TraceOptions { WeightGradientsExist = true });
        trace.BeginScope();
        var input = trace.Given(8 * 16, true);
        var output = trace.Linear(trace.Activation(trace.Linear(input, 16, 64)), 64, 16);
        trace.EndScope();
        trace.Backward(output);
        Assert.That(trace.LiveBytes, Is.EqualTo(input.Bytes));
    }

    [TestCase(false, 64L * 64 * 4)]
    [TestCase(true, 64L * sizeof(float))]
    public void Composed_attention_keeps_the_matrix_of_scores_and_fused_attention_a_number_per_row(
        bool fused,
        long kept
    )
    {
        long Live(bool isFused)
        {
            var trace = new OperationTrace(new TraceOptions { FusedAttention = isFused });
            var (q, k, v) = (trace.Given(64 * 8, true), trace.Given(64 * 8, true), trace.Given(64 * 8, true));
            trace.BeginScope();
            var output = trace.Attention(q, k, v, batches: 1, width: 8);
            trace.EndScope(output);
            return trace.LiveBytes - output.Bytes;
        }
        // Composed, the scaled queries are a tensor of their own.
        Assert.That(Live(fused), Is.EqualTo(kept + (fused ? 0 : 64 * 8 * 4)));
    }

    [TestCase("sd35", 2_243_171_520)]
    [TestCase("flux1", 11_901_408_320)]
    [TestCase("flux2", 9_078_581_248)]
    [TestCase("embedded", 2_285_828)]
    public void The_weights_of_the_traced_networks_are_those_of_the_released_ones(string model, long parameters) =>
        Assert.That(Plan(("model", model)).TransformerParameters, Is.EqualTo(parameters));

    [TestCase("sd35", "sd3.5-medium-transformer")]
    [TestCase("flux1", "flux.1-dev-transformer")]
    [TestCase("flux2", "flux.2-klein-9b-transformer")]
    public void They_agree_with_the_released_layouts(string model, string layout)
    {
        var file = SharedFolder.Require("goldens", "full_size", $"{layout}.json");
        using var json = JsonDocument.Parse(File.ReadAllBytes(file));
        Assert.That(
            Plan(("model", model)).TransformerParameters,
            Is.EqualTo(json.RootElement.GetProperty("parameters").GetInt64())
        );
    }

    [TestCase("flowbp-sparse", "3200 forwards", "256 of 1 forward and a backward")]
    [TestCase("leapalign", "3200 forwards", "128 of 1 forward and a backward")]
    [TestCase("full", "3200 forwards", "1600 of 1 forward and a backward")]
    // The rollout ends where it is rewarded; two copies are evaluated once more, and pulled back as well.
    [TestCase("draft-lv", "3456 forwards", "192 of 1 forward and a backward")]
    public void Evaluations_are_those_of_the_methods_own_draws(string method, string rollout, string products)
    {
        var plan = Plan(("method", method), ("gradient_checkpointing", "none"));
        Assert.That(plan.Work.Single(part => part.Name == "rollout").Evaluations, Is.EqualTo(rollout));
        Assert.That(
            plan.Work.Single(part => part.Name == "vector-Jacobian products").Evaluations,
            Is.EqualTo(products)
        );
    }

    [Test]
    public void Guidance_doubles_the_rollout_and_leaves_a_detached_pullback_alone()
    {
        var guided = Plan(("model", "sd35"));
        var single = Plan(("model", "sd35"), ("cfg_guidance", "1"));
        Assert.That(Flops(guided, "rollout"), Is.EqualTo(2 * Flops(single, "rollout")));
        Assert.That(Flops(guided, "vector-Jacobian products"), Is.EqualTo(Flops(single, "vector-Jacobian products")));
        var attached = Plan(("model", "sd35"), ("cfg_detach_neg", "false"));
        Assert.That(
            Flops(attached, "vector-Jacobian products"),
            Is.EqualTo(2 * Flops(single, "vector-Jacobian products"))
        );
        Assert.That(
            Flops(Plan(("model", "flux1"), ("cfg_guidance", "7")), "rollout"),
            Is.EqualTo(Flops(Plan(("model", "flux1"), ("cfg_guidance", "1")), "rollout")),
            "guidance is an input of FLUX.1"
        );
    }

    [Test]
    public void Recomputing_costs_a_forward_and_reusing_the_rollout_saves_it()
    {
        var none = Flops(Plan(("model", "sd35"), ("gradient_checkpointing", "none")), "vector-Jacobian products");
        var blocks = Flops(Plan(("model", "sd35")), "vector-Jacobian products");
        var reused = Flops(Plan(("model", "sd35"), ("reuse_rollout_blocks", "on")), "vector-Jacobian products");
        Assert.That(blocks / none, Is.EqualTo(4.0 / 3).Within(1).Percent);
        Assert.That(reused, Is.EqualTo(none));
    }

    [TestCase("none", 80, false)]
    [TestCase("blocks", 80, true)]
    [TestCase("blocks", 50, false)]
    public void Automatic_reuse_is_on_where_blocks_are_recomputed_and_it_fits(string mode, int memory, bool expected) =>
        Assert.That(
            Request(
                ("model", "sd35"),
                ("batch", "4"),
                ("gradient_checkpointing", mode),
                ("reuse_rollout_blocks", "auto"),
                ("gpu_memory", $"{memory}")
            ).ReusesRolloutBlocks,
            Is.EqualTo(expected)
        );

    [TestCase(200, null)]
    [TestCase(60, 1)]
    public void Automatic_checkpointing_recomputes_only_where_it_must(int memory, int? expected) =>
        Assert.That(
            Request(
                ("model", "sd35"),
                ("batch", "8"),
                ("gradient_checkpointing", "auto"),
                ("gpu_memory", $"{memory}")
            ).SegmentBlocks,
            Is.EqualTo(expected)
        );

    [Test]
    public void Fewer_live_blocks_take_less_memory()
    {
        long Pullback(string mode) =>
            Plan(("model", "sd35"), ("batch", "4"), ("gradient_checkpointing", mode)).Phases[^1].Bytes;
        var bytes = new[] { "none", "12", "4", "blocks" }.Select(Pullback).ToArray();
        Assert.That(bytes, Is.Ordered.Descending);
        var gradients = Plan(("model", "sd35")).GradientBytes;
        Assert.That((bytes[^1] - gradients) * 4, Is.LessThan(bytes[0] - gradients));
    }

    [Test]
    public void Memory_does_not_grow_with_active_steps_unless_their_blocks_are_kept()
    {
        long Peak(string steps, string reuse) =>
            Plan(("model", "sd35"), ("num_active_steps", steps), ("reuse_rollout_blocks", reuse)).PeakBytes;
        Assert.That(Peak("20", "off"), Is.EqualTo(Peak("2", "off")));
        Assert.That(Peak("20", "on"), Is.GreaterThan(Peak("2", "on")));
    }

    [Test]
    public void Sharding_divides_the_trained_state_and_nothing_else()
    {
        var one = Plan(("model", "sd35"), ("gpus", "8"));
        var sharded = Plan(("model", "sd35"), ("gpus", "8"), ("sharding", "full"));
        foreach (var part in new[] { "fp32 masters", "optimizer (two moments)", "moving average", "compute copy" })
        {
            Assert.That(Bytes(sharded, part), Is.EqualTo(Bytes(one, part) / 8), part);
        }
        Assert.That(Bytes(sharded, "rewards"), Is.EqualTo(Bytes(one, "rewards")));
        Assert.That(sharded.Resident.Select(part => part.Name), Does.Contain("gathered blocks"));
        Assert.That(one.Resident.Select(part => part.Name), Does.Not.Contain("gathered blocks"));
    }

    [Test]
    public void Adapters_have_rank_times_the_sides_of_the_layers_they_adapt()
    {
        // Embedded: 4 blocks of width 128 whose attention has 4 projections per stream; the last has no output for the text.
        // Its queries of the text are used by nothing, yet the layer is there and has factors.
        const int layers = (4 * 8) - 1;
        var plan = Plan(("lora_rank", "16"));
        Assert.That(plan.TrainedParameters, Is.EqualTo(16 * (128 + 128) * layers));
        using var model = StoredModel.Load(EmbeddedAssets.Model);
        var config = new LoraConfig { Rank = 16, TargetModules = model.Family.AdapterTargets };
        using var adapter = LoraAdapter.Attach(model.Transformer, config, seed: 1);
        Assert.That(plan.TrainedParameters, Is.EqualTo(adapter.parameters().Sum(factor => factor.numel())));
        Assert.That(Bytes(plan, "frozen base weights"), Is.EqualTo(2 * plan.TransformerParameters));
    }

    [Test]
    public void A_batch_on_several_GPUs_is_what_the_largest_share_needs()
    {
        var whole = Plan(("model", "sd35"), ("batch", "8"));
        var shared = Plan(("model", "sd35"), ("batch", "60"), ("gpus", "8"));
        Assert.That(shared.PeakBytes, Is.EqualTo(whole.PeakBytes));
        Assert.That(Flops(shared, "rollout"), Is.EqualTo(60.0 / 8 * Flops(whole, "rollout")).Within(1e-9).Percent);
    }

    [Test]
    public void Accumulated_batches_are_as_small_as_their_number_says_and_gradients_outlast_them()
    {
        var whole = Plan(("model", "sd35"), ("batch", "8"));
        var accumulated = Plan(("model", "sd35"), ("batch", "32"), ("gradient_accumulation_steps", "4"));
        Assert.That(
            accumulated.PeakBytes,
            // The gradients are there while the reward's graph is.
            Is.EqualTo(whole.PeakBytes + whole.GradientBytes)
        );
        Assert.That(Bytes(accumulated, "gradients"), Is.EqualTo(whole.GradientBytes));
    }

    [TestCase("stabilityai/stable-diffusion-3.5-medium", "Stable Diffusion 3.5 medium")]
    [TestCase("black-forest-labs/FLUX.1-dev", "FLUX.1-dev")]
    [TestCase("black-forest-labs/FLUX.2-klein-base-9B", "FLUX.2-Klein-base 9B")]
    public void A_released_repository_stands_for_its_sizes_before_it_is_here(string repository, string name) =>
        Assert.That(Request(("model", repository)).Model.Name, Is.EqualTo(name));

    [TestCaseSource(nameof(PlanNames))]
    public void A_smaller_chunk_never_takes_more(string model)
    {
        var whole = Plan(("model", model), ("batch", "8"));
        var chunked = Plan(
            ("model", model),
            ("batch", "8"),
            ("rollout_batch_size", "1"),
            ("reward_batch_size", "1"),
            ("vjp_batch_size", "1")
        );
        foreach (var (small, large) in chunked.Phases.Zip(whole.Phases))
        {
            Assert.That(small.Bytes, Is.LessThan(large.Bytes), small.Name);
        }
        Assert.That(chunked.Work.Select(part => part.Flops), Is.EqualTo(whole.Work.Select(part => part.Flops)));
    }

    [Test]
    public void What_the_search_finds_fits_and_changes_as_little_as_it_can()
    {
        var request = Request(("model", "sd35"), ("gpus", "8"), ("gpu_memory", "70"));
        Assert.That(new RunPlan(request).Fits, Is.False);
        var ways = PlanSearch.Find(request);
        Assert.That(ways[0].Changes, Has.Count.EqualTo(1).And.One.StartsWith("--reward_batch_size "));
        foreach (var way in ways)
        {
            Assert.That(way.Plan.Fits, way.Changes[0]);
            Assert.That(new RunPlan(way.Request).PeakBytes, Is.EqualTo(way.Plan.PeakBytes));
        }
    }

    [Test]
    public void A_model_whose_optimizer_is_too_large_needs_sharding_adapters_or_more_GPUs()
    {
        var several = PlanSearch.Find(Request(("model", "flux1"), ("gpus", "8"), ("gpu_memory", "80")));
        Assert.That(several.Select(way => way.Changes[0]), Does.Contain("--sharding full"));
        Assert.That(several.Select(way => way.Changes[0]), Does.Contain("--lora_rank 32"));
        var one = PlanSearch.Find(Request(("model", "flux1"), ("batch", "4"), ("gpu_memory", "80")));
        Assert.That(
            one.Select(way => way.Changes[0]),
            Has.Some.StartsWith("--lora_rank").And.Some.StartsWith("--gpus")
        );
    }

    [Test]
    public void Where_nothing_fits_the_smallest_run_says_how_far_away_that_is()
    {
        var request = Request(("model", "sd35"), ("gpu_memory", "2"), ("lora_rank", "4"));
        Assert.That(PlanSearch.Find(request).Where(way => way.Request.Gpus == 1), Is.Empty);
        var smallest = PlanSearch.Smallest(request);
        Assert.That(smallest.Plan.PeakBytes, Is.LessThan(new RunPlan(request).PeakBytes));
        Assert.That(smallest.Changes, Does.Contain("--vjp_batch_size 1").And.Contain("--text_encoders precomputed"));
    }

    [Test]
    public void A_resolution_that_makes_no_whole_tokens_is_refused() =>
        Assert.That(
            () => Plan(("model", "sd35"), ("resolution", "500")),
            Throws.TypeOf<InvalidSettingException>().With.Message.Contains("resolution must be a multiple of 16")
        );

    [Test]
    public void Settings_of_another_method_are_refused() =>
        Assert.That(() => Plan(("method", "refl"), ("tau", "0.1")), Throws.TypeOf<UnknownNameException>());

    private static double Flops(RunPlan plan, string phase) => plan.Work.Single(part => part.Name == phase).Flops;

    private static long Bytes(RunPlan plan, string name) => plan.Resident.Single(part => part.Name == name).Bytes;

    private static RunPlan Plan(params (string Name, string Value)[] settings) => new(Request(settings));

    private static PlanRequest Request(params (string Name, string Value)[] settings) =>
        PlanRequests.Resolve(settings.Select(setting => KeyValuePair.Create(setting.Name, setting.Value)));
}
