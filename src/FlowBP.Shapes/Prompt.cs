// A prompt is its meaning; the text is derived from it (and parsed back by PromptParser), so text, ground truth and
// judgement can't drift apart. Tasks and phrasing follow GenEval (Ghosh et al. 2023): "a photo of …", one task per
// kind of composition. Where GenEval has 80 nouns and we have four, an optional colour keeps prompts plentiful.
using System.Diagnostics.CodeAnalysis;

namespace FlowBP.Shapes;

/// <summary>GenEval's six tasks.</summary>
public enum GenEvalTask
{
    /// <summary>One object: <c>a photo of a circle</c>.</summary>
    SingleObject,

    /// <summary>Two objects, at most one of them with a colour: <c>a photo of a circle and a red square</c>.</summary>
    TwoObject,

    /// <summary>Two, three or four alike: <c>a photo of three blue squares</c>.</summary>
    Counting,

    /// <summary>One coloured object: <c>a photo of a red circle</c>.</summary>
    Colors,

    /// <summary>Two objects in a spatial relation: <c>a photo of a circle left of a red square</c>.</summary>
    Position,

    /// <summary>Two objects, each with a colour: <c>a photo of a red circle and a blue square</c>.</summary>
    ColorAttr,
}

/// <summary>GenEval's names for the tasks.</summary>
public static class GenEvalTasks
{
    private static readonly string[] s_names =
    [
        "single_object",
        "two_object",
        "counting",
        "colors",
        "position",
        "color_attr",
    ];

    /// <summary>All tasks, in the order of the enumeration.</summary>
    public static IReadOnlyList<GenEvalTask> All { get; } = Enum.GetValues<GenEvalTask>();

    /// <summary>GenEval's tag, for example <c>color_attr</c>.</summary>
    /// <param name="task">The task.</param>
    public static string Name(this GenEvalTask task) => s_names[(int)task];
}

/// <summary>Where the first object lies as seen from the second.</summary>
public enum Relation
{
    /// <summary>Left of.</summary>
    LeftOf,

    /// <summary>Right of.</summary>
    RightOf,

    /// <summary>Above.</summary>
    Above,

    /// <summary>Below.</summary>
    Below,
}

/// <summary>Words and inverses of <see cref="Relation"/>.</summary>
public static class Relations
{
    private static readonly string[] s_texts = ["left of", "right of", "above", "below"];

    /// <summary>All relations, in the order of the enumeration.</summary>
    public static IReadOnlyList<Relation> All { get; } = Enum.GetValues<Relation>();

    /// <summary>The words, for example <c>left of</c>.</summary>
    /// <param name="relation">The relation.</param>
    public static string Text(this Relation relation) => s_texts[(int)relation];

    /// <summary>The relation of the second object to the first.</summary>
    /// <param name="relation">The relation.</param>
    public static Relation Inverse(this Relation relation) =>
        relation switch
        {
            Relation.LeftOf => Relation.RightOf,
            Relation.RightOf => Relation.LeftOf,
            Relation.Above => Relation.Below,
            Relation.Below => Relation.Above,
            _ => throw new ArgumentOutOfRangeException(nameof(relation), relation, "not a relation of this world"),
        };
}

/// <summary>A shape with or without a colour: <c>red circle</c>, <c>circle</c>.</summary>
/// <param name="Shape">The shape.</param>
/// <param name="Colour">The colour; null where any will do.</param>
public readonly record struct ObjectPhrase(ShapeKind Shape, ShapeColour? Colour = null)
{
    /// <summary>The phrase in the singular, without article.</summary>
    public string Singular => Colour is { } colour ? $"{colour.Name()} {Shape.Singular()}" : Shape.Singular();

    /// <summary>The phrase in the plural.</summary>
    public string Plural => Colour is { } colour ? $"{colour.Name()} {Shape.Plural()}" : Shape.Plural();

    /// <summary>Whether the phrase describes an object of this shape and colour.</summary>
    /// <param name="shape">The object's shape.</param>
    /// <param name="colour">The object's colour.</param>
    public bool Describes(ShapeKind shape, ShapeColour colour) =>
        shape == Shape && (Colour is null || Colour == colour);
}

/// <summary>What a picture should show. Two prompts are equal when their texts are.</summary>
public sealed record Prompt
{
    private static readonly string[] s_numbers = ["two", "three", "four"];

    private Prompt(GenEvalTask task, int count, ObjectPhrase first, ObjectPhrase? second, Relation? relation)
    {
        Task = task;
        Count = count;
        First = first;
        Second = second;
        Relation = relation;
    }

    /// <summary>The largest number of alike objects that has a word.</summary>
    public const int MaxCount = 4;

    /// <summary>The GenEval task, which follows from the prompt's form.</summary>
    public GenEvalTask Task { get; }

    /// <summary>The exact number of objects, 1 to 4.</summary>
    public int Count { get; }

    /// <summary>The object named first; all objects, where there is no second.</summary>
    public ObjectPhrase First { get; }

    /// <summary>The object named second, if any.</summary>
    public ObjectPhrase? Second { get; }

    /// <summary>How the first object lies to the second, if the prompt says so.</summary>
    public Relation? Relation { get; private init; }

    /// <summary>How it says so; GenEval's way unless <see cref="In"/> changed it.</summary>
    public PromptWording Wording { get; private init; } = PromptWording.GenEval;

    /// <summary>One object (<see cref="GenEvalTask.SingleObject"/>, or <see cref="GenEvalTask.Colors"/> with a colour).</summary>
    /// <param name="phrase">The object.</param>
    public static Prompt One(ObjectPhrase phrase) =>
        new(phrase.Colour is null ? GenEvalTask.SingleObject : GenEvalTask.Colors, 1, phrase, null, null);

    /// <summary>Several alike objects (<see cref="GenEvalTask.Counting"/>).</summary>
    /// <param name="count">How many, 2 to 4.</param>
    /// <param name="phrase">The objects.</param>
    /// <exception cref="ArgumentOutOfRangeException">There is no word for that many.</exception>
    public static Prompt Several(int count, ObjectPhrase phrase)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(count, 2);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(count, MaxCount);
        return new(GenEvalTask.Counting, count, phrase, null, null);
    }

    /// <summary>Two objects anywhere (<see cref="GenEvalTask.ColorAttr"/> if both have a colour, else <see cref="GenEvalTask.TwoObject"/>).</summary>
    /// <param name="first">The object named first.</param>
    /// <param name="second">The object named second.</param>
    public static Prompt Pair(ObjectPhrase first, ObjectPhrase second) =>
        new(
            first.Colour is null || second.Colour is null ? GenEvalTask.TwoObject : GenEvalTask.ColorAttr,
            2,
            first,
            second,
            null
        );

    /// <summary>Two objects in a relation (<see cref="GenEvalTask.Position"/>).</summary>
    /// <param name="first">The object named first.</param>
    /// <param name="relation">How it lies to the second.</param>
    /// <param name="second">The object named second.</param>
    public static Prompt Related(ObjectPhrase first, Relation relation, ObjectPhrase second) =>
        new(GenEvalTask.Position, 2, first, second, relation);

    /// <summary>Reads a prompt's meaning back from its text.</summary>
    /// <param name="text">A sentence of the forms above; case and repeated blanks don't matter.</param>
    /// <exception cref="FormatException">Not such a sentence; the message names the word and what was expected.</exception>
    public static Prompt Parse(string text) => PromptParser.Parse(text);

    /// <summary>Reads a prompt back, if it is one of this world.</summary>
    /// <param name="text">Any text.</param>
    /// <param name="prompt">The meaning; undefined where the text has none here.</param>
    /// <returns>Whether the text is a prompt of this world.</returns>
    public static bool TryParse(string text, [NotNullWhen(true)] out Prompt? prompt)
    {
        try
        {
            prompt = PromptParser.Parse(text);
            return true;
        }
        catch (FormatException)
        {
            prompt = null;
            return false;
        }
    }

    /// <summary>The words of a count, for example <c>three</c>.</summary>
    internal static IReadOnlyList<string> Numbers => s_numbers;

    /// <summary>The same in another wording. Where no article is (<c>two circles</c>), leaving it out changes nothing.</summary>
    /// <param name="wording">How to say it.</param>
    public Prompt In(PromptWording wording) =>
        this with
        {
            Wording = Task == GenEvalTask.Counting ? wording with { Articles = true } : wording,
        };

    /// <summary>All ways to say the same with the objects in this order, GenEval's first.</summary>
    public IEnumerable<Prompt> Wordings => PromptWording.All.Select(In).Distinct();

    /// <summary>The prompt in words, for example <c>a photo of a circle left of a red square</c>.</summary>
    public string Text => Wording.Frame + Objects;

    private string Objects =>
        (Second, Relation) switch
        {
            ({ } second, { } relation) =>
                $"{Wording.Article}{First.Singular} {relation.Text()} {Wording.Article}{second.Singular}",
            ({ } second, null) => $"{Wording.Article}{First.Singular} and {Wording.Article}{second.Singular}",
            _ when Count == 1 => $"{Wording.Article}{First.Singular}",
            _ => $"{s_numbers[Count - 2]} {First.Plural}",
        };

    /// <summary>
    /// One representative of all prompts that say the same: "A and B" and "B and A" agree, and so do "A right of B"
    /// and "B left of A", in any wording; it has GenEval's. Training and held-out prompts are told apart by this, not by their
    /// texts.
    /// </summary>
    public Prompt Canonical =>
        (Second, Relation) switch
        {
            ({ } second, Shapes.Relation.RightOf or Shapes.Relation.Below) => Related(
                second,
                Relation.Value.Inverse(),
                First
            ),
            ({ } second, null) when string.CompareOrdinal(First.Singular, second.Singular) > 0 => Pair(second, First),
            _ => In(PromptWording.GenEval),
        };

    /// <summary>What the mirror image of a picture shows, left and right exchanged, exactly when the picture shows this.</summary>
    public Prompt Mirrored =>
        Relation is Shapes.Relation.LeftOf or Shapes.Relation.RightOf
            ? this with
            {
                Relation = Relation.Value.Inverse(),
            }
            : this;

    /// <summary>How many of the objects named have a colour, 0 to 2.</summary>
    public int ColoursNamed => (First.Colour is null ? 0 : 1) + (Second?.Colour is null ? 0 : 1);

    /// <inheritdoc/>
    public override string ToString() => Text;
}
