// The methods by name: the paper's with its defaults for SD3.5-M, then those that say their own definition (docs/first-hour.md).

using FlowBP.Settings;
using static FlowBP.Surrogates.MethodSettings;

namespace FlowBP.Surrogates;

/// <summary>A method as the user sees it.</summary>
/// <param name="Name">Name, as in <c>--method</c>.</param>
/// <param name="Summary">One line.</param>
/// <param name="Settings">What can be set, with this method's defaults.</param>
/// <param name="Make">The planner of given settings.</param>
public sealed record MethodDefinition(
    string Name,
    string Summary,
    IReadOnlyList<Setting> Settings,
    Func<SettingValues, ISurrogatePlanner> Make
)
{
    /// <summary>Resolves settings given by name or alias.</summary>
    /// <param name="given">Names and texts.</param>
    /// <exception cref="UnknownNameException">A name is no setting of this method.</exception>
    /// <exception cref="InvalidSettingException">A value is not accepted.</exception>
    public SettingValues Resolve(IEnumerable<KeyValuePair<string, string>> given) => new(Name, Settings, given);

    /// <summary>The planner of settings given by name or alias.</summary>
    /// <param name="given">Names and texts.</param>
    /// <exception cref="UnknownNameException">A name is no setting of this method.</exception>
    /// <exception cref="InvalidSettingException">A value is not accepted.</exception>
    public ISurrogatePlanner Create(IEnumerable<KeyValuePair<string, string>> given) => Make(Resolve(given));
}

/// <summary>All methods.</summary>
public static class MethodRegistry
{
    private static readonly Setting[] SplitSettings =
    [
        JkDirichletAlpha,
        JkDirichletAlphaA,
        JkDirichletAlphaB,
        JkDirichletAlphaC,
        MinIdx,
        MaxIdx,
        TrainStepTailRatio,
        TrajFilterDjMax,
        TrajFilterD0Max,
    ];

    private static readonly Setting[] DRTuneSettings =
    [
        DRTuneNumTrainSteps,
        DRTuneEarlyStopRatio,
        DRTuneEarlyStopSteps,
        DRTuneTweedieAlwaysActive,
    ];

    /// <summary>The methods, in the order in which they are listed.</summary>
    public static IReadOnlyList<MethodDefinition> All { get; } =
    [
        new("refl", "one late step, reward on its posterior mean", [ReFLLastNSteps], ReFL),
        new(
            "draft-lv",
            "the last step, averaged over re-noised copies",
            [DraftLVNumNoisedSamples],
            values => new DRaFTLVPlanner(new(values.Get(DraftLVNumNoisedSamples)))
        ),
        new("drtune", "equally spaced detached steps up to an early stop", DRTuneSettings, DRTune),
        new(
            "leapalign",
            "two single-velocity leaps with a bridge",
            [Alpha, Tau, JkSamplingMode, JkDirichletMaxJRev, .. SplitSettings],
            LeapAlign
        ),
        new(
            "flowbp-sparse",
            "Euler replay with a few detached active steps",
            [NumActiveSteps, LateBias, GradRescale.With(0.5, "flowbp_sparse_grad_rescale"), TrainStepTailRatio],
            Sparse
        ),
        new(
            "flowbp-bridge",
            "Euler replay with active steps on both sides of a bridge",
            [
                NumActiveSteps.With(5),
                LateBias.With(4),
                GradRescale.With(0, "flowbp_sparse_grad_rescale", "flowbp_bridge_grad_rescale"),
                GradRescaleRange,
                Alpha.With(0.5),
                JkSamplingMode,
                JkDirichletMaxJRev,
                .. SplitSettings,
            ],
            Bridge
        ),
        new(
            "flowbp-lagrange",
            "two leaps of higher order with a bridge",
            [
                Alpha.With(0.1),
                Tau.With(0.2),
                ConnectorOrder,
                WeightScheme,
                GradSupportMode,
                GradSupportScale,
                MaxActiveSupports,
                GradRescale.With(0, "flowbp_lagrange_grad_rescale"),
                AnchorLambda,
                DetachHistory,
                JkSamplingMode.With(LeapSamplingMode.Dirichlet),
                JkDirichletMaxJRev.With(10),
                .. SplitSettings,
            ],
            Lagrange
        ),
        new(
            "refl-endpoint",
            "ReFL's step, Euler weight, reward on the sampled image",
            [ReFLLastNSteps],
            values => new EndpointPlanner(ReFL(values))
        ),
        new(
            "drtune-endpoint",
            "DRTune's steps, Euler weights, reward on the sampled image",
            DRTuneSettings,
            values => new EndpointPlanner(DRTune(values))
        ),
        new("full", "full backpropagation through every step", [], _ => new FullPlanner()),
        .. OfOwnFile(),
    ];

    /// <summary>A method by name.</summary>
    /// <exception cref="UnknownNameException">There is no such method; the message suggests the nearest.</exception>
    public static MethodDefinition Get(string name) =>
        All.FirstOrDefault(method => method.Name == name)
        ?? throw new UnknownNameException("method", name, All.Select(method => method.Name));

    private static IEnumerable<MethodDefinition> OfOwnFile() =>
        typeof(MethodRegistry)
            .Assembly.GetTypes()
            .Where(type => type.IsClass && type.IsAssignableTo(typeof(IMethodSource)))
            .Select(type => (MethodDefinition)type.GetProperty(nameof(IMethodSource.Definition))!.GetValue(null)!)
            .OrderBy(method => method.Name, StringComparer.Ordinal);

    private static ReFLPlanner ReFL(SettingValues values) => new(new(values.Get(ReFLLastNSteps)));

    private static DRTunePlanner DRTune(SettingValues values) =>
        new(
            new(
                values.Get(DRTuneNumTrainSteps),
                values.Get(DRTuneEarlyStopRatio),
                values.Get(DRTuneEarlyStopSteps),
                values.Get(DRTuneTweedieAlwaysActive)
            )
        );

    private static LeapAlignPlanner LeapAlign(SettingValues values) =>
        new(
            new()
            {
                Alpha = values.Get(Alpha),
                Tau = values.Get(Tau),
                Sampler = Sampler(values),
                Filter = Filter(values),
            }
        );

    private static SparsePlanner Sparse(SettingValues values) =>
        new(
            new(
                values.Get(NumActiveSteps),
                values.Get(LateBias),
                values.Get(GradRescale),
                values.Get(TrainStepTailRatio)
            )
        );

    private static BridgePlanner Bridge(SettingValues values) =>
        new(
            new()
            {
                ActiveSteps = values.Get(NumActiveSteps),
                LateBias = values.Get(LateBias),
                GradRescale = values.Get(GradRescale),
                RescaleRange = values.Get(GradRescaleRange),
                Alpha = values.Get(Alpha),
                Sampler = Sampler(values),
                Filter = Filter(values),
            }
        );

    private static LagrangePlanner Lagrange(SettingValues values)
    {
        if (!values.Get(DetachHistory))
        {
            throw new InvalidSettingException("detach_history must be true: inactive velocities are constants");
        }
        return new(
            new()
            {
                Alpha = values.Get(Alpha),
                Tau = values.Get(Tau),
                Order = values.Get(ConnectorOrder),
                Rule = values.Get(WeightScheme),
                ActiveSupports = values.Get(GradSupportMode),
                SupportScale = values.Get(GradSupportScale),
                MaxActiveSupports = values.Get(MaxActiveSupports),
                GradRescale = values.Get(GradRescale),
                AnchorBlend = values.Get(AnchorLambda),
                Sampler = Sampler(values),
                Filter = Filter(values),
            }
        );
    }

    private static LeapSampler Sampler(SettingValues values)
    {
        double Concentration(Setting<double?> own, double otherwise) =>
            values.Get(own) ?? values.Get(JkDirichletAlpha) ?? otherwise;

        var defaults = new LeapSampler();
        return new()
        {
            Mode = values.Get(JkSamplingMode),
            AlphaA = Concentration(JkDirichletAlphaA, defaults.AlphaA),
            AlphaB = Concentration(JkDirichletAlphaB, defaults.AlphaB),
            AlphaC = Concentration(JkDirichletAlphaC, defaults.AlphaC),
            MaxReverseSplit = values.Get(JkDirichletMaxJRev),
            TailRatio = values.Get(TrainStepTailRatio),
            MinReverse = values.Get(MinIdx),
            MaxReverse = values.Get(MaxIdx),
        };
    }

    private static TrajectoryFilter Filter(SettingValues values) =>
        new(values.Get(TrajFilterDjMax), values.Get(TrajFilterD0Max));
}
