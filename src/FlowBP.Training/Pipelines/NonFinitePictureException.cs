// A NaN in a picture is painted as black, and one of a judge can't be written as a number: both are found where they arise, and
// named by what a user knows of them, the prompt.

using FlowBP.Surrogates;

namespace FlowBP.Training.Pipelines;

/// <summary>A picture of a prompt, or what a judge says of it, is infinite or NaN.</summary>
/// <param name="quantity">What is not finite: <c>picture</c>, or a judge's score by its name.</param>
/// <param name="prompt">The prompt.</param>
/// <param name="remedy">What to do.</param>
public sealed class NonFinitePictureException(string quantity, string prompt, string remedy)
    : NonFiniteException(quantity, $"the {quantity} of \"{prompt}\" is not finite; {remedy}")
{
    /// <summary>The prompt.</summary>
    public string Prompt { get; } = prompt;
}
