// A method is something that makes plans.

using FlowBP.RandomStreams;

namespace FlowBP.Surrogates;

/// <summary>
/// A method: draws indices and fills in a <see cref="SurrogatePlan"/>. Each implementation also has a deterministic
/// <c>FromIndices</c>, which Draw ends in.
/// </summary>
public interface ISurrogatePlanner
{
    /// <summary>The method's name, as in <see cref="MethodRegistry"/>.</summary>
    string Name { get; }

    /// <summary>Draws the plan of one trajectory.</summary>
    /// <param name="schedule">The rollout's schedule.</param>
    /// <param name="source">Where the draws come from; purpose <see cref="RandomPurpose.Indices"/>.</param>
    /// <exception cref="ArgumentException">The settings don't fit the schedule; the message says which.</exception>
    SurrogatePlan Draw(NoiseSchedule schedule, RandomStream source);
}
