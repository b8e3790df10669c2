// Every kind of tensor that a caller may give by mistake, given to every public call that reads tensors by itself.

namespace FlowBP.Tests.Misfits;

/// <summary>A call with tensors that do not fit.</summary>
/// <param name="Name">What is given to what.</param>
/// <param name="Said">Parts of the exception's message; none: the call is right, and does not throw.</param>
/// <param name="Call">The call, in a dispose scope of its own.</param>
public sealed record Misfit(string Name, string[] Said, Action Call)
{
    /// <summary>All of them.</summary>
    public static IReadOnlyList<Misfit> All { get; } =
    [
        .. TensorMisfits.Pointers(),
        .. TensorMisfits.Identities(),
        .. OptimizerMisfits.All(),
        .. FileMisfits.All(),
        .. FieldMisfits.Conditionings(),
        .. FieldMisfits.Fields(),
        .. RolloutMisfits.All(),
        .. RewardMisfits.All(),
        .. PictureMisfits.All(),
    ];

    public override string ToString() => Name;

    /// <summary>A call of its name.</summary>
    internal static Misfit Of(string name, Action call, params string[] said) => new(name, said, call);
}
