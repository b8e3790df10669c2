// Which prompts are trained on and which are held out, fixed before anything is trained and independent of any
// seed: a prompt's place follows from the SHA-256 of its canonical text, so anyone can recompute it.
//
// Prompts that say the same ("A left of B", "B right of A") always fall on the same side. A fifth of the meanings of
// every stratum is held out, at least two. A stratum is a task together with the number of colours named and the axis
// of the relation, so plain prompts ("a circle left of a square"), which are few, are represented on both sides.
//
// Held-out prompts are divided once more: one half is for choices (a step, a strength), the other for the final figures, on which
// nothing is chosen. Where a stratum has many meanings, a meaning falls on one side; where it has few (single_object has four in
// this world, colors twenty-four), all its held-out meanings are on both sides, each wording on one.
using System.Security.Cryptography;
using System.Text;
using FlowBP.RandomStreams;

namespace FlowBP.Shapes;

/// <summary>A part of the prompts.</summary>
public enum PromptSplit
{
    /// <summary>Prompts to train on, about four fifths.</summary>
    Training,

    /// <summary>Prompts never trained on, about one fifth.</summary>
    HeldOut,

    /// <summary>Both.</summary>
    All,
}

/// <summary>A list of prompts, as written to a file; no two lists share a prompt.</summary>
public enum PromptList
{
    /// <summary><c>train.txt</c>: to align on.</summary>
    Training,

    /// <summary><c>choice.txt</c>: held-out prompts by which a step or a strength is chosen.</summary>
    Choice,

    /// <summary><c>test.txt</c>: held-out prompts for final figures; nothing is chosen on them.</summary>
    Test,
}

/// <summary>All prompts of the world, split into training and held-out prompts.</summary>
public static class PromptSets
{
    /// <summary>The held-out share of the meanings of every stratum.</summary>
    public const double HeldOutShare = 0.2;

    /// <summary>At least this many meanings of every stratum are held out.</summary>
    public const int FewestHeldOut = 2;

    /// <summary>At most this many prompts per task are listed in <c>train.txt</c>.</summary>
    public const int TrainingListPerTask = 240;

    /// <summary>At most this many prompts per task are listed in <c>choice.txt</c>, and as many in <c>test.txt</c>.</summary>
    public const int HeldOutListPerTask = 30;

    // So many training prompts at least, in further wordings where a task has fewer meanings.
    private const int TrainingListPerSmallTask = 24;

    // A stratum with fewer held-out meanings has each of them on both sides of the last division.
    private const int FewestDividedMeanings = 8;

    // GenEval's tasks with sampling weights 1 / 1 / 1.5 / 1 / 2 / 1.5, in halves.
    private static readonly int[] s_taskWeights = [2, 2, 3, 2, 4, 3];

    private static readonly Stratum[] s_strata =
    [
        .. GenEvalTasks
            .All.SelectMany(Enumerate)
            .GroupBy(prompt => (prompt.Task, prompt.ColoursNamed, prompt.Canonical.Relation))
            .Select(group => Stratum.Split(group.Key.Task, [.. group])),
    ];

    private static readonly HashSet<Prompt> s_heldOut = [.. Of(PromptSplit.HeldOut)];

    /// <summary>All distinct prompts of a split in GenEval's wording, task by task.</summary>
    /// <param name="split">The split.</param>
    public static IReadOnlyList<Prompt> Of(PromptSplit split) => [.. s_strata.SelectMany(s => s.Of(split))];

    /// <summary>The distinct prompts of a split that belong to a task, in GenEval's wording.</summary>
    /// <param name="split">The split.</param>
    /// <param name="task">The task.</param>
    public static IReadOnlyList<Prompt> Of(PromptSplit split, GenEvalTask task) =>
        [.. s_strata.Where(s => s.Task == task).SelectMany(s => s.Of(split))];

    /// <summary>Whether a prompt, or one that says the same, is held out.</summary>
    /// <param name="prompt">Any prompt.</param>
    public static bool IsHeldOut(Prompt prompt) => s_heldOut.Contains(prompt.Canonical);

    /// <summary>
    /// Draws a prompt: a task by its weight (1 / 1 / 1.5 / 1 / 2 / 1.5 in the order of <see cref="GenEvalTask"/>), one of the
    /// task's strata, then a prompt.
    /// </summary>
    /// <param name="stream">Where the draws come from.</param>
    /// <param name="split">Where the prompts come from.</param>
    public static Prompt Draw(RandomStream stream, PromptSplit split)
    {
        var ticket = stream.NextInt(s_taskWeights.Sum());
        var task = 0;
        while (ticket >= s_taskWeights[task])
        {
            ticket -= s_taskWeights[task++];
        }

        return Draw(stream, split, (GenEvalTask)task);
    }

    /// <summary>
    /// Draws a prompt of a task in GenEval's wording: a stratum (how many colours, which axis), then a prompt, both uniformly.
    /// </summary>
    /// <param name="stream">Where the draws come from.</param>
    /// <param name="split">Where the prompts come from.</param>
    /// <param name="task">The task.</param>
    public static Prompt Draw(RandomStream stream, PromptSplit split, GenEvalTask task)
    {
        var strata = StrataOf(task);
        var prompts = strata[stream.NextInt(strata.Length)].Of(split);
        return prompts[stream.NextInt(prompts.Count)];
    }

    /// <summary>
    /// A list of prompts for alignment, choices or final figures. Every meaning is listed once, in wordings that change from one to
    /// the next, up to a number per task, evenly from the task's strata; a task with fewer meanings lists them in further wordings.
    /// One prompt per meaning keeps prompts independent of each other, as a bootstrap over prompts assumes; the wordings of one
    /// meaning are so only as far as a model takes them for different.
    /// </summary>
    /// <param name="list">Which.</param>
    public static IReadOnlyList<Prompt> List(PromptList list)
    {
        var (enough, most) =
            list == PromptList.Training
                ? (TrainingListPerSmallTask, TrainingListPerTask)
                : (HeldOutListPerTask, HeldOutListPerTask);
        List<Prompt> prompts = [];
        foreach (var task in GenEvalTasks.All)
        {
            // Rank by rank through the strata, the first of each, then the second of each …; and this once per wording.
            var ranked = StrataOf(task)
                .ToArray()
                .SelectMany(stratum => stratum.List(list))
                .OrderBy(entry => entry.Round)
                .ThenBy(entry => entry.Rank)
                .ToArray();
            var meanings = ranked.Count(entry => entry.Round == 0);
            prompts.AddRange(ranked.Take(Math.Clamp(meanings, enough, most)).Select(entry => entry.Prompt));
        }
        return prompts;
    }

    private static ReadOnlySpan<Stratum> StrataOf(GenEvalTask task)
    {
        var first = Array.FindIndex(s_strata, s => s.Task == task);
        var last = Array.FindLastIndex(s_strata, s => s.Task == task);
        return s_strata.AsSpan(first..(last + 1));
    }

    private static IEnumerable<Prompt> Enumerate(GenEvalTask task)
    {
        var plain = ShapeKinds.All.Select(shape => new ObjectPhrase(shape));
        var coloured = ShapeKinds.All.SelectMany(shape =>
            Palette.All.Select(colour => new ObjectPhrase(shape, colour))
        );
        ObjectPhrase[] any = [.. plain, .. coloured];
        // The two objects of a prompt always differ in shape, so that no picture satisfies both a relation and its
        // inverse with the roles exchanged.
        var pairs =
            from first in any
            from second in any
            where first.Shape != second.Shape
            select (First: first, Second: second);
        return task switch
        {
            GenEvalTask.SingleObject => plain.Select(Prompt.One),
            GenEvalTask.Colors => coloured.Select(Prompt.One),
            GenEvalTask.Counting => Enumerable
                .Range(2, Prompt.MaxCount - 1)
                .SelectMany(count => any.Select(phrase => Prompt.Several(count, phrase))),
            GenEvalTask.TwoObject => pairs
                .Where(pair => pair.First.Colour is null || pair.Second.Colour is null)
                .Select(pair => Prompt.Pair(pair.First, pair.Second)),
            GenEvalTask.ColorAttr => pairs
                .Where(pair => pair is { First.Colour: { } a, Second.Colour: { } b } && a != b)
                .Select(pair => Prompt.Pair(pair.First, pair.Second)),
            GenEvalTask.Position => pairs.SelectMany(pair =>
                Relations.All.Select(relation => Prompt.Related(pair.First, relation, pair.Second))
            ),
            _ => throw new ArgumentOutOfRangeException(nameof(task), task, "not one of the six tasks"),
        };
    }

    private sealed record Stratum(GenEvalTask Task, Prompt[] Training, Prompt[] HeldOut, Prompt[] All)
    {
        public IReadOnlyList<Prompt> Of(PromptSplit split) =>
            split switch
            {
                PromptSplit.Training => Training,
                PromptSplit.HeldOut => HeldOut,
                _ => All,
            };

        // The prompts of a list: in round r the meaning of rank m is worded the (m + r)-th of its ways.
        public IEnumerable<(int Round, int Rank, Prompt Prompt)> List(PromptList list)
        {
            Prompt[] meanings =
            [
                .. (list == PromptList.Training ? Training : HeldOut).DistinctBy(prompt => prompt.Canonical),
            ];
            var listed = meanings
                .Select(
                    (meaning, rank) => meaning.Wordings.Where((_, w) => Lists(list, meanings.Length, rank, w)).ToArray()
                )
                .Where(wordings => wordings.Length > 0);
            foreach (var (rank, wordings) in listed.Index())
            {
                for (var round = 0; round < wordings.Length; round++)
                {
                    yield return (round, rank, wordings[(rank + round) % wordings.Length]);
                }
            }
        }

        // Meaning by meaning where there are many, two by two, because neighbours name their objects in opposite orders; else
        // wording by wording.
        private static bool Lists(PromptList list, int meanings, int rank, int wording) =>
            list == PromptList.Training
            || (meanings >= FewestDividedMeanings ? rank / 2 : rank + wording) % 2
                == (list == PromptList.Choice ? 0 : 1);

        public static Stratum Split(GenEvalTask task, Prompt[] prompts)
        {
            // Of the two ways to say the same, every other meaning lists the second first: a list that keeps one prompt
            // per meaning then says "left of" as often as "right of".
            Prompt[][] meanings =
            [
                .. prompts
                    .GroupBy(prompt => prompt.Canonical)
                    .OrderBy(group => Rank(group.Key), StringComparer.Ordinal)
                    .Select((group, i) => group.OrderBy(prompt => prompt == group.Key ? i % 2 : (i + 1) % 2).ToArray()),
            ];
            var held = Math.Max(FewestHeldOut, (int)Math.Round(HeldOutShare * meanings.Length));
            Prompt[] heldOut = [.. meanings.Take(held).SelectMany(group => group)];
            Prompt[] training = [.. meanings.Skip(held).SelectMany(group => group)];
            return new(task, training, heldOut, [.. heldOut, .. training]);
        }

        private static string Rank(Prompt prompt) =>
            Convert.ToHexString(SHA256.HashData(Encoding.UTF8.GetBytes(prompt.Text)));
    }
}
