// What a judged picture can be asked. The rules that judged it for the prompt that it was painted for judge it for any other prompt as
// well, so each picture has an answer to every prompt near its own: a reward that is asked those learns what prompts mean, where the
// painted ones alone could be learnt by heart.

using FlowBP.RandomStreams;
using FlowBP.Shapes;

namespace FlowBP.Training.Pretraining;

/// <summary>A picture, a prompt of the training split, and the rules' verdict.</summary>
/// <param name="Picture">Index of the picture.</param>
/// <param name="IsMirrored">Whether left and right of the picture are exchanged.</param>
/// <param name="Prompt">What it is asked for.</param>
/// <param name="Passes">Whether the picture, mirrored or not, shows that.</param>
internal readonly record struct PictureQuestion(int Picture, bool IsMirrored, Prompt Prompt, bool Passes);

/// <summary>Draws questions about judged pictures.</summary>
internal sealed class PictureQuestions
{
    // Then a pair is of what was painted: the prompts near one may all be wrong about all of its pictures.
    private const int Attempts = 16;

    private readonly Detection[] seen;
    private readonly IReadOnlyList<Prompt> prompts;
    private readonly (Prompt Prompt, int[] Pictures)[][] tasks;
    private readonly IReadOnlyList<IReadOnlyList<(int[] Passing, int[] Failing)>> painted;

    /// <summary>Looks at all pictures once.</summary>
    /// <param name="pictures">The pictures.</param>
    public PictureQuestions(JudgedPictures pictures)
    {
        prompts = pictures.Prompts;
        painted = pictures.Choices();
        seen = new Detection[prompts.Count];
        Parallel.For(
            0,
            seen.Length,
            picture =>
            {
                var image = new float[Scene.ImageLength];
                pictures.CopyTo(picture, image, mirrored: false);
                seen[picture] = ObjectDetector.Detect(image);
            }
        );
        tasks =
        [
            .. Enumerable
                .Range(0, prompts.Count)
                .GroupBy(picture => prompts[picture])
                .Select(group => (Prompt: group.Key, Pictures: group.ToArray()))
                .GroupBy(group => group.Prompt.Task)
                .OrderBy(task => task.Key)
                .Select(task => task.ToArray()),
        ];
    }

    /// <summary>Whether some prompt has both a picture that passes and one that doesn't.</summary>
    public bool HasPairs => painted.Count > 0;

    /// <summary>Two pictures that were painted for one prompt, asked one question: the first passes, the second doesn't.</summary>
    /// <param name="stream">Where the draws come from.</param>
    public (PictureQuestion Passing, PictureQuestion Failing) Pair(RandomStream stream)
    {
        var task = tasks[stream.NextInt(tasks.Length)];
        for (var attempt = 0; attempt < Attempts; attempt++)
        {
            var (prompt, pictures) = task[stream.NextInt(task.Length)];
            var asked = stream.NextInt(2) == 0 ? prompt : Near(stream, prompt);
            var verdicts = pictures.ToLookup(picture => Shows(picture, asked));
            if (verdicts[true].Any() && verdicts[false].Any())
            {
                return Mirrored(stream, asked, Of(verdicts[true]), Of(verdicts[false]));
            }
        }
        var choices = painted[stream.NextInt(painted.Count)];
        var (passing, failing) = choices[stream.NextInt(choices.Count)];
        return Mirrored(stream, prompts[passing[0]], Of(passing), Of(failing));

        int Of(IEnumerable<int> some)
        {
            int[] all = [.. some];
            return all[stream.NextInt(all.Length)];
        }
    }

    /// <summary>A picture, asked for what it was painted for or for something near.</summary>
    /// <param name="stream">Where the draws come from.</param>
    public PictureQuestion Single(RandomStream stream)
    {
        var picture = stream.NextInt(prompts.Count);
        var asked = stream.NextInt(2) == 0 ? prompts[picture] : Near(stream, prompts[picture]);
        return Mirrored(stream, asked, picture, picture).Passing with { Passes = Shows(picture, asked) };
    }

    /// <summary>Whether a picture shows what a prompt says.</summary>
    /// <param name="picture">Index of the picture.</param>
    /// <param name="prompt">The prompt.</param>
    public bool Shows(int picture, Prompt prompt) =>
        seen[picture] is { Unrecognised: 0 } detection && PromptRules.Judge(prompt, [.. detection.Objects]).Correct;

    private static Prompt Near(RandomStream stream, Prompt prompt)
    {
        Prompt near;
        do
        {
            near = PromptEdits.Near(stream, prompt);
        } while (PromptSets.IsHeldOut(near));
        return near;
    }

    // Half of the questions are asked of the mirror image, which lies right of what the picture has left of.
    private static (PictureQuestion Passing, PictureQuestion Failing) Mirrored(
        RandomStream stream,
        Prompt asked,
        int passing,
        int failing
    )
    {
        var mirror = stream.NextInt(2) == 0 && !PromptSets.IsHeldOut(asked.Mirrored);
        var worded = (mirror ? asked.Mirrored : asked).In(PromptWording.All[stream.NextInt(PromptWording.All.Count)]);
        return (new(passing, mirror, worded, Passes: true), new(failing, mirror, worded, Passes: false));
    }
}
