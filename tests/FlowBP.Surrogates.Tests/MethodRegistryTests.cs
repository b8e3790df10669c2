using FlowBP.Settings;

namespace FlowBP.Surrogates.Tests;

/// <summary>Methods and settings by name.</summary>
public class MethodRegistryTests
{
    [Test]
    public void All_ten_methods_are_there() =>
        Assert.That(
            MethodRegistry.All.Select(method => method.Name),
            Is.EqualTo(
                new[]
                {
                    "refl",
                    "draft-lv",
                    "drtune",
                    "leapalign",
                    "flowbp-sparse",
                    "flowbp-bridge",
                    "flowbp-lagrange",
                    "refl-endpoint",
                    "drtune-endpoint",
                    "full",
                }
            )
        );

    [Test]
    public void A_planner_has_the_name_it_was_asked_for_by()
    {
        foreach (var method in MethodRegistry.All)
        {
            Assert.That(method.Create([]).Name, Is.EqualTo(method.Name));
        }
    }

    [Test]
    public void A_misspelt_method_is_refused_with_the_nearest_name() =>
        Assert.That(
            () => MethodRegistry.Get("leapaling"),
            Throws.TypeOf<UnknownNameException>().With.Message.Contains("did you mean leapalign?")
        );

    [Test]
    public void A_misspelt_setting_is_refused_with_the_nearest_name() =>
        Assert.That(
            () => MethodRegistry.Get("flowbp-sparse").Create([new("num_active_step", "4")]),
            Throws.TypeOf<UnknownNameException>().With.Message.Contains("num_active_steps")
        );

    [Test]
    public void A_setting_of_another_method_is_refused() =>
        Assert.That(
            () => MethodRegistry.Get("refl").Create([new("alpha", "0.3")]),
            Throws.TypeOf<UnknownNameException>().With.Message.Contains("of method refl")
        );

    [TestCase("flowbp-sparse", "num_active_steps", "0", "num_active_steps must be an integer ≥ 1, got '0'")]
    [TestCase("flowbp-sparse", "num_active_steps", "4.5", "num_active_steps must be an integer ≥ 1, got '4.5'")]
    [TestCase("flowbp-sparse", "train_step_tail_ratio", "0", "train_step_tail_ratio must be")]
    [TestCase("flowbp-sparse", "grad_rescale", "NaN", "grad_rescale must be a number from 0 to 1000000, got 'NaN'")]
    [TestCase("flowbp-sparse", "late_bias", "101", "late_bias must be a number from 0 to 100, got '101'")]
    [TestCase("flowbp-sparse", "grad_rescale", "1e300", "grad_rescale must be a number from 0 to 1000000")]
    [TestCase("flowbp-bridge", "alpha", "1e39", "alpha must be a number from 0 to 1000000")]
    [TestCase("flowbp-lagrange", "grad_support_scale", "1e39", "grad_support_scale must be a number from 0 to 1000000")]
    [TestCase("flowbp-lagrange", "tau", "1e-300", "tau must be a number from 1E-12 to 1000000")]
    [TestCase("flowbp-lagrange", "tau", "0", "tau must be a number from 1E-12 to 1000000")]
    [TestCase(
        "flowbp-lagrange",
        "jk_dirichlet_alpha",
        "1e-3",
        "jk_dirichlet_alpha must be a number from 0.1 to 1000000"
    )]
    [TestCase(
        "flowbp-lagrange",
        "jk_dirichlet_alpha",
        "1e39",
        "jk_dirichlet_alpha must be a number from 0.1 to 1000000"
    )]
    [TestCase("leapalign", "jk_dirichlet_alpha_a", "4.9e-324", "a number from 0.1 to 1000000, or none")]
    [TestCase("flowbp-bridge", "jk_dirichlet_alpha_b", "0", "a number from 0.1 to 1000000, or none")]
    [TestCase("leapalign", "jk_dirichlet_alpha_c", "1e308", "a number from 0.1 to 1000000, or none")]
    [TestCase("flowbp-lagrange", "grad_support_mode", "middle", "none | start | midpoint | all")]
    [TestCase("flowbp-lagrange", "anchor_lambda", "1.5", "a number from 0 to 1")]
    [TestCase("flowbp-lagrange", "detach_history", "false", "must be true")]
    public void A_value_out_of_range_is_refused_with_what_is_accepted(
        string method,
        string name,
        string value,
        string message
    ) =>
        Assert.That(
            () => MethodRegistry.Get(method).Create([new(name, value)]),
            Throws.TypeOf<InvalidSettingException>().With.Message.Contains(message)
        );

    [Test]
    public void A_setting_given_twice_under_two_names_is_refused() =>
        Assert.That(
            () =>
                MethodRegistry
                    .Get("flowbp-sparse")
                    .Create([new("late_bias", "1"), new("flowbp_sparse_late_bias", "2")]),
            Throws.TypeOf<InvalidSettingException>().With.Message.Contains("given twice")
        );

    [Test]
    public void Everything_is_recorded_resolved()
    {
        var resolved = MethodRegistry
            .Get("flowbp-bridge")
            .Configure([new("flowbp_sparse_late_bias", "2"), new("alpha", "1e-1")])
            .Texts.ToDictionary();
        using (Assert.EnterMultipleScope())
        {
            Assert.That(resolved["late_bias"], Is.EqualTo("2"));
            Assert.That(resolved["alpha"], Is.EqualTo("0.1"));
            Assert.That(resolved["num_active_steps"], Is.EqualTo("5"), "the default of this method, not of Sparse");
            Assert.That(resolved["jk_dirichlet_max_j_rev"], Is.EqualTo("none"));
            Assert.That(resolved["jk_sampling_mode"], Is.EqualTo("uniform"));
        }
    }

    [Test]
    public void What_is_recorded_can_be_given_again()
    {
        foreach (var method in MethodRegistry.All)
        {
            var resolved = method.Configure([]).Texts;
            Assert.That(method.Configure(resolved).Texts, Is.EqualTo(resolved), method.Name);
        }
    }
}
