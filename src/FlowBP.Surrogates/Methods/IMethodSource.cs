namespace FlowBP.Surrogates;

/// <summary>
/// A method in one file: a type of this library that says its own definition. <see cref="MethodRegistry"/> finds it and lists it
/// after the others, by name.
/// </summary>
public interface IMethodSource
{
    /// <summary>The method: name, summary, settings with its defaults, planner.</summary>
    static abstract MethodDefinition Definition { get; }
}
