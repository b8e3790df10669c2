// A network of two layers whose inputs are many, so that what is random in a factor shows its distribution.

namespace FlowBP.Models.Tests;

/// <summary>Two wide layers.</summary>
internal sealed class Wide : nn.Module
{
    public const int Inputs = 200;

    public readonly Linear to_q = nn.Linear(Inputs, 7);
    public readonly Linear to_k = nn.Linear(Inputs, 7);

    public Wide()
        : base(nameof(Wide)) => RegisterComponents();
}
