// The numbers of an optimizer step as the inner loop uses them: derived in double, rounded once to the parameters' type.
// Both implementations take them from here, so that they can agree bit for bit.

using System.Numerics;

namespace FlowBP.Kernels;

/// <summary>Constants of one step in the parameters' own type.</summary>
internal readonly record struct AdamWEmaConstants<T>(
    T GradientFactor,
    T OneMinusBeta1,
    T Beta2,
    T OneMinusBeta2,
    T SecondMomentCorrection,
    T Epsilon,
    T StepSize,
    T ParameterDecay,
    T OneMinusEmaDecay
)
    where T : IBinaryFloatingPointIeee754<T>
{
    internal static AdamWEmaConstants<T> Of(in AdamWEmaStep step) =>
        new(
            T.CreateTruncating(step.GradientFactor),
            T.CreateTruncating(1 - step.Beta1),
            T.CreateTruncating(step.Beta2),
            T.CreateTruncating(1 - step.Beta2),
            T.CreateTruncating(1 / Math.Sqrt(1 - Math.Pow(step.Beta2, step.Step))),
            T.CreateTruncating(step.Epsilon),
            T.CreateTruncating(step.LearningRate / (1 - Math.Pow(step.Beta1, step.Step))),
            T.CreateTruncating(1 - (step.LearningRate * step.WeightDecay)),
            T.CreateTruncating(1 - step.EmaDecay)
        );
}
