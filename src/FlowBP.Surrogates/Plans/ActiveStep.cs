// One term of the gradient sum.

namespace FlowBP.Surrogates;

/// <summary>A step that is forwarded again and receives a cotangent.</summary>
/// <param name="Index">Step i; the cached x_i is its input, detached.</param>
/// <param name="Weight">w: the step receives <c>u = w·G</c>. Quadrature weight × γ × support scale, usually negative.</param>
/// <param name="Bridge">
/// α: <c>G ← G + α·(∂v_i/∂x)ᵀu</c> for the steps after this one in execution. 0: detached.
/// </param>
public readonly record struct ActiveStep(int Index, double Weight, double Bridge = 0);
