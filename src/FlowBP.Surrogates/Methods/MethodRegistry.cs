// The methods by name: the paper's, then those that say their own definition (docs/first-hour.md). Defaults are those of a planner's
// settings, the paper's for SD3.5-M.

using FlowBP.Settings;

namespace FlowBP.Surrogates;

/// <summary>A method as the user sees it.</summary>
/// <param name="Name">Name, as in <c>--method</c>.</param>
/// <param name="Summary">One line.</param>
/// <param name="Settings">What can be set, with this method's defaults.</param>
/// <param name="Configure">
/// The method with settings given by name or alias. Throws <see cref="UnknownNameException"/> for a name that is no setting, and
/// <see cref="InvalidSettingException"/> for a value that is not accepted.
/// </param>
public sealed record MethodDefinition(
    string Name,
    string Summary,
    IReadOnlyList<Setting> Settings,
    Func<IEnumerable<KeyValuePair<string, string>>, ConfiguredMethod> Configure
)
{
    /// <summary>A method whose planner has settings.</summary>
    /// <param name="name">Name.</param>
    /// <param name="summary">One line.</param>
    /// <param name="defaults">The record that declares the settings, with their defaults.</param>
    /// <param name="make">The planner of such a record.</param>
    public static MethodDefinition Of<T>(string name, string summary, T defaults, Func<T, ISurrogatePlanner> make)
        where T : class
    {
        var table = new SettingTable<T>(defaults);
        return new(
            name,
            summary,
            table.Settings,
            given =>
            {
                var settings = table.Bind($"method {name}", given);
                return new(make(settings), [.. table.Texts(settings)]);
            }
        );
    }

    /// <summary>A method without settings.</summary>
    /// <param name="name">Name.</param>
    /// <param name="summary">One line.</param>
    /// <param name="planner">Its planner.</param>
    public static MethodDefinition Of(string name, string summary, ISurrogatePlanner planner) =>
        Of(name, summary, new object(), _ => planner);

    /// <summary>The planner of settings given by name or alias.</summary>
    /// <param name="given">Names and texts.</param>
    /// <exception cref="UnknownNameException">A name is no setting of this method.</exception>
    /// <exception cref="InvalidSettingException">A value is not accepted.</exception>
    public ISurrogatePlanner Create(IEnumerable<KeyValuePair<string, string>> given) => Configure(given).Planner;
}

/// <summary>A method with its settings.</summary>
/// <param name="Planner">Draws its plans.</param>
/// <param name="Texts">All settings by name, as they would be typed.</param>
public sealed record ConfiguredMethod(ISurrogatePlanner Planner, IReadOnlyList<KeyValuePair<string, string>> Texts);

/// <summary>All methods.</summary>
public static class MethodRegistry
{
    /// <summary>The methods, in the order in which they are listed.</summary>
    public static IReadOnlyList<MethodDefinition> All { get; } =
    [
        MethodDefinition.Of(
            "refl",
            "one late step, reward on its posterior mean",
            new ReFLSettings(),
            settings => new ReFLPlanner(settings)
        ),
        MethodDefinition.Of(
            "draft-lv",
            "the last step, averaged over re-noised copies",
            new DRaFTLVSettings(),
            settings => new DRaFTLVPlanner(settings)
        ),
        MethodDefinition.Of(
            "drtune",
            "equally spaced detached steps up to an early stop",
            new DRTuneSettings(),
            settings => new DRTunePlanner(settings)
        ),
        MethodDefinition.Of(
            "leapalign",
            "two single-velocity leaps with a bridge",
            new LeapAlignSettings(),
            settings => new LeapAlignPlanner(settings)
        ),
        MethodDefinition.Of(
            "flowbp-sparse",
            "Euler replay with a few detached active steps",
            new SparseSettings(),
            settings => new SparsePlanner(settings)
        ),
        MethodDefinition.Of(
            "flowbp-bridge",
            "Euler replay with active steps on both sides of a bridge",
            new BridgeSettings(),
            settings => new BridgePlanner(settings)
        ),
        MethodDefinition.Of(
            "flowbp-lagrange",
            "two leaps of higher order with a bridge",
            new LagrangeSettings(),
            settings => new LagrangePlanner(settings)
        ),
        MethodDefinition.Of(
            "refl-endpoint",
            "ReFL's step, Euler weight, reward on the sampled image",
            new ReFLSettings(),
            settings => new EndpointPlanner(new ReFLPlanner(settings))
        ),
        MethodDefinition.Of(
            "drtune-endpoint",
            "DRTune's steps, Euler weights, reward on the sampled image",
            new DRTuneSettings(),
            settings => new EndpointPlanner(new DRTunePlanner(settings))
        ),
        MethodDefinition.Of("full", "full backpropagation through every step", new FullPlanner()),
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
}
