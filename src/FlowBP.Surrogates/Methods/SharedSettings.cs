// Settings that several methods have, each with its own default. Names are the field's; aliases are those of the released
// configurations.

using FlowBP.Settings;

namespace FlowBP.Surrogates;

/// <summary>K.</summary>
internal sealed class ActiveStepsAttribute : SettingAttribute
{
    /// <summary>The same for every method.</summary>
    public ActiveStepsAttribute()
        : base("number of steps that carry a gradient (K)", 1)
    {
        Name = "num_active_steps";
        Aliases = ["flowbp_sparse_num_active_steps", "flowbp_bridge_num_active_steps"];
    }
}

/// <summary>β.</summary>
internal sealed class LateBiasAttribute : SettingAttribute
{
    // Of 1000 steps the last is then likelier than the one before it by a tenth, and of 10 by a factor of 30 000.
    private const double Largest = 100;

    /// <summary>The same for every method.</summary>
    public LateBiasAttribute()
        : base("preference for late steps: P(i) ~ (i+1)^late_bias; 0 is uniform", 0, Largest) =>
        Aliases = ["flowbp_sparse_late_bias", "flowbp_bridge_late_bias"];
}

/// <summary>ρ.</summary>
internal sealed class GradRescaleAttribute()
    : SettingAttribute(
        "how far active steps make up for the weight of inactive ones; 0 off, 1 fully",
        0,
        LargestFactor
    );

/// <summary>α.</summary>
internal sealed class AlphaAttribute()
    : SettingAttribute("scale of the gradient that crosses the split (bridge); 0 detaches", 0, LargestFactor);

/// <summary>τ.</summary>
internal sealed class TauAttribute()
    : SettingAttribute("floor of the deviations in the similarity weights", SmallestFloor, LargestFactor)
{
    // The weights of samples are at most its inverse.
    private const double SmallestFloor = 1e-12;
}

/// <summary>r.</summary>
internal sealed class TailRatioAttribute : SettingAttribute
{
    /// <summary>The same for every method.</summary>
    public TailRatioAttribute()
        : base("train only the last so-many of the steps", double.Epsilon, 1) => Name = "train_step_tail_ratio";
}

/// <summary>One of the Dirichlet concentrations.</summary>
/// <param name="help">One line for the user.</param>
internal sealed class ConcentrationAttribute(string help) : SettingAttribute(help, Smallest, LargestFactor)
{
    // Below it draws of the gamma distribution round to zero, all three at once, and their shares would be 0 / 0.
    private const double Smallest = 0.1;
}
