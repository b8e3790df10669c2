// Every setting of every method, once. Names are the field's; aliases are those of the released configurations.

using FlowBP.Settings;
using static FlowBP.Settings.SettingOf;

namespace FlowBP.Surrogates;

/// <summary>The settings that methods have; <see cref="MethodRegistry"/> says which method has which, and its default.</summary>
public static class MethodSettings
{
    // Of 1000 steps the last is then likelier than the one before it by a tenth, and of 10 by a factor of 30 000.
    private const double LargestBias = 100;

    // Below it draws of the gamma distribution round to zero, all three at once, and their shares would be 0 / 0.
    private const double SmallestConcentration = 0.1;

    // The weights of samples are at most its inverse.
    private const double SmallestFloor = 1e-12;

    /// <summary>K.</summary>
    public static Setting<int> NumActiveSteps { get; } =
        Integer(
            "num_active_steps",
            4,
            1,
            "number of steps that carry a gradient (K)",
            "flowbp_sparse_num_active_steps",
            "flowbp_bridge_num_active_steps"
        );

    /// <summary>β.</summary>
    public static Setting<double> LateBias { get; } =
        Number(
            "late_bias",
            1,
            0,
            LargestBias,
            "preference for late steps: P(i) ~ (i+1)^late_bias; 0 is uniform",
            "flowbp_sparse_late_bias",
            "flowbp_bridge_late_bias"
        );

    /// <summary>ρ.</summary>
    public static Setting<double> GradRescale { get; } =
        Number(
            "grad_rescale",
            0.5,
            0,
            LargestFactor,
            "how far active steps make up for the weight of inactive ones; 0 off, 1 fully"
        );

    /// <summary>What one γ spans.</summary>
    public static Setting<RescaleRange> GradRescaleRange { get; } =
        Choice(
            "grad_rescale_range",
            RescaleRange.Window,
            [("window", RescaleRange.Window), ("segments", RescaleRange.Segments)],
            "one factor for all steps (released), or one on each side of the split that leaves the split's own step alone (paper)"
        );

    /// <summary>α.</summary>
    public static Setting<double> Alpha { get; } =
        Number("alpha", 0.3, 0, LargestFactor, "scale of the gradient that crosses the split (bridge); 0 detaches");

    /// <summary>τ.</summary>
    public static Setting<double> Tau { get; } =
        Number("tau", 0.1, SmallestFloor, LargestFactor, "floor of the deviations in the similarity weights");

    /// <summary>Order of a leap.</summary>
    public static Setting<int> ConnectorOrder { get; } =
        Integer(
            "connector_order",
            3,
            1,
            "most velocities that a leap is integrated from; 1 is an Euler step",
            "flowbp_lagrange_connector_order"
        );

    /// <summary>Which supports are active.</summary>
    public static Setting<SupportMode> GradSupportMode { get; } =
        Choice(
            "grad_support_mode",
            SupportMode.Midpoint,
            [
                ("none", SupportMode.None),
                ("start", SupportMode.Start),
                ("midpoint", SupportMode.Midpoint),
                ("all", SupportMode.All),
            ],
            "which velocities of a leap carry a gradient",
            "flowbp_lagrange_grad_support_mode"
        );

    /// <summary>η.</summary>
    public static Setting<double> GradSupportScale { get; } =
        Number(
            "grad_support_scale",
            0.25,
            0,
            LargestFactor,
            "scale of the gradient of supports other than the anchor",
            "flowbp_lagrange_grad_support_scale"
        );

    /// <summary>Limit of active supports.</summary>
    public static Setting<int?> MaxActiveSupports { get; } =
        OptionalInteger(
            "max_active_supports",
            2,
            0,
            "most active velocities per leap; none or 0: no limit",
            "flowbp_lagrange_max_active_supports"
        );

    /// <summary>Rule of a leap.</summary>
    public static Setting<LeapRule> WeightScheme { get; } =
        Choice(
            "weight_scheme",
            LeapRule.Lagrange,
            [
                ("lagrange", LeapRule.Lagrange),
                ("lagrange_positive", LeapRule.LagrangePositive),
                ("uniform", LeapRule.Uniform),
                // As released: the name is accepted, the supports stay those of lagrange (docs/methods.md §6).
                ("adams_bashforth", LeapRule.Lagrange),
                ("adams_bashforth_extrapolating", LeapRule.AdamsBashforth),
            ],
            "weights of a leap; adams_bashforth equals lagrange, as released",
            "flowbp_lagrange_weight_scheme"
        );

    /// <summary>a.</summary>
    public static Setting<double> AnchorLambda { get; } =
        Number(
            "anchor_lambda",
            1,
            0,
            1,
            "blend of the first leap: 0 Euler, 1 quadrature",
            "flowbp_lagrange_anchor_lambda"
        );

    /// <summary>Always true: inactive velocities are constants.</summary>
    public static Setting<bool> DetachHistory { get; } =
        Flag(
            "detach_history",
            true,
            "inactive velocities are constants; only true is possible",
            "flowbp_lagrange_detach_history"
        );

    /// <summary>How k and j are drawn.</summary>
    public static Setting<LeapSamplingMode> JkSamplingMode { get; } =
        Choice(
            "jk_sampling_mode",
            LeapSamplingMode.Uniform,
            [
                ("uniform", LeapSamplingMode.Uniform),
                ("dirichlet", LeapSamplingMode.Dirichlet),
                ("midpoint", LeapSamplingMode.Midpoint),
                ("midpoint_j", LeapSamplingMode.MidpointJ),
            ],
            "how the start k and the split j are drawn"
        );

    /// <summary>All three Dirichlet concentrations.</summary>
    public static Setting<double?> JkDirichletAlpha { get; } =
        OptionalNumber(
            "jk_dirichlet_alpha",
            SmallestConcentration,
            LargestFactor,
            "concentration of those of jk_dirichlet_alpha_a, _b, _c that are none"
        );

    /// <summary>Concentration of the clean side.</summary>
    public static Setting<double?> JkDirichletAlphaA { get; } =
        OptionalNumber(
            "jk_dirichlet_alpha_a",
            SmallestConcentration,
            LargestFactor,
            "concentration of the segment after j; none: jk_dirichlet_alpha, or else 2.5"
        );

    /// <summary>Concentration of the gap.</summary>
    public static Setting<double?> JkDirichletAlphaB { get; } =
        OptionalNumber(
            "jk_dirichlet_alpha_b",
            SmallestConcentration,
            LargestFactor,
            "concentration of the gap between k and j; none: jk_dirichlet_alpha, or else 6"
        );

    /// <summary>Concentration of the noisy side.</summary>
    public static Setting<double?> JkDirichletAlphaC { get; } =
        OptionalNumber(
            "jk_dirichlet_alpha_c",
            SmallestConcentration,
            LargestFactor,
            "concentration of the segment before k; none: jk_dirichlet_alpha, or else 2"
        );

    /// <summary>Cap of j.</summary>
    public static Setting<int?> JkDirichletMaxJRev { get; } =
        OptionalInteger("jk_dirichlet_max_j_rev", null, 1, "the split lies in so many last steps");

    /// <summary>Lower bound of reverse indices.</summary>
    public static Setting<int> MinIdx { get; } = Integer("min_idx", 1, 1, "smallest reverse index (N - i) of k and j");

    /// <summary>Upper bound of reverse indices.</summary>
    public static Setting<int?> MaxIdx { get; } =
        OptionalInteger("max_idx", null, 2, "reverse indices of k and j are below this; none: rollout_steps + 1");

    /// <summary>r.</summary>
    public static Setting<double> TrainStepTailRatio { get; } =
        Number("train_step_tail_ratio", 1, double.Epsilon, 1, "train only the last so-many of the steps");

    /// <summary>Filter on δ_j.</summary>
    public static Setting<double?> TrajFilterDjMax { get; } =
        OptionalNumber("traj_filter_dj_max", 0, "leave out samples that deviate more at the split");

    /// <summary>Filter on δ_N.</summary>
    public static Setting<double?> TrajFilterD0Max { get; } =
        OptionalNumber("traj_filter_d0_max", 0, "leave out samples that deviate more at the end");

    /// <summary>ReFL's stops.</summary>
    public static Setting<int> ReFLLastNSteps { get; } =
        Integer("refl_last_n_steps", 11, 1, "the stop is uniform in so many last steps", "last_n_steps");

    /// <summary>DRTune's K.</summary>
    public static Setting<int> DRTuneNumTrainSteps { get; } =
        Integer("drtune_num_train_steps", 3, 1, "number of equally spaced active steps", "num_train_steps");

    /// <summary>DRTune's stops, as a share.</summary>
    public static Setting<double> DRTuneEarlyStopRatio { get; } =
        Number("drtune_early_stop_ratio", 0.4, 0, 1, "the stop is uniform in this last share", "early_stop_ratio");

    /// <summary>DRTune's stops, as a number.</summary>
    public static Setting<int?> DRTuneEarlyStopSteps { get; } =
        OptionalInteger(
            "drtune_early_stop_steps",
            null,
            0,
            "the same as a number of steps, which wins; 0: always the last step",
            "early_stop_steps"
        );

    /// <summary>DRTune's Tweedie step.</summary>
    public static Setting<bool> DRTuneTweedieAlwaysActive { get; } =
        Flag(
            "drtune_tweedie_always_active",
            true,
            "the stop's own step always carries a gradient (paper); false: only if it is one of the train steps (released)"
        );

    /// <summary>DRaFT-LV's n.</summary>
    public static Setting<int> DraftLVNumNoisedSamples { get; } =
        Integer("draft_lv_num_noised_samples", 2, 0, "re-noised copies per image", "num_noised_samples");
}
