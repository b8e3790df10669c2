// Where the embedded model lies: beside the program, or in the source tree that the program was built in.

namespace FlowBP.Training;

/// <summary>Paths of the embedded model, its rewards and its prompts.</summary>
public static class EmbeddedAssets
{
    private const string Part = Families.ModelFamilies.Embedded + "/";

    /// <summary>The folder of the embedded world.</summary>
    /// <exception cref="FileNotFoundException">It is in none of the places; all are named.</exception>
    public static string Root
    {
        get
        {
            List<string> places = [Path.Combine(AppContext.BaseDirectory, "assets", "shapes")];
            for (DirectoryInfo? at = new(AppContext.BaseDirectory); at is not null; at = at.Parent)
            {
                if (File.Exists(Path.Combine(at.FullName, "FlowBP.sln")))
                {
                    places.Add(Path.Combine(at.FullName, "assets", "shapes"));
                }
            }
            return places.FirstOrDefault(Directory.Exists)
                ?? throw new FileNotFoundException(
                    $"the embedded model was not found (looked in {string.Join(", ", places)}): it is in this project's sources,"
                        + " not in its packages; put their folder assets/shapes beside the program, name model, reward and prompts"
                        + " of your own, or make it anew (./flowbp pretrain)"
                );
        }
    }

    /// <summary>Model folder.</summary>
    public static string Model => Path.Combine(Root, "model");

    /// <summary>Folder of the training reward.</summary>
    public static string Reward => Path.Combine(Root, "reward");

    /// <summary>Folder of the reward that knows renders alone: what a run exploits that is to be caught at it.</summary>
    public static string RenderReward => Path.Combine(Root, "render_reward");

    /// <summary>Folder of the held-out reward.</summary>
    public static string HeldOutReward => Path.Combine(Root, "heldout_reward");

    /// <summary>File of training prompts.</summary>
    public static string TrainingPrompts => Path.Combine(Root, "prompts", "train.txt");

    /// <summary>File of held-out prompts by which a step or a strength is chosen.</summary>
    public static string ChoicePrompts => Path.Combine(Root, "prompts", "choice.txt");

    /// <summary>File of held-out prompts on which nothing is chosen.</summary>
    public static string TestPrompts => Path.Combine(Root, "prompts", "test.txt");

    /// <summary>
    /// A path as given, or the embedded one for the word <c>embedded</c>; <c>embedded/render_reward</c> is another part of the embedded
    /// world, unless there is such a path.
    /// </summary>
    /// <param name="given">A path, <c>embedded</c>, or a part as above.</param>
    /// <param name="embedded">The embedded path; only looked for if it is meant.</param>
    public static string Resolve(string given, Func<string> embedded) =>
        given == Families.ModelFamilies.Embedded ? embedded()
        : given.StartsWith(Part, StringComparison.Ordinal) && !Path.Exists(given)
            ? Path.Combine(Root, given[Part.Length..])
        : given;
}
