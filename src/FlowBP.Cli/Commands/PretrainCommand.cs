// `pretrain`: the embedded model from nothing. Stages whose result is already in the folder are kept, so a stopped run goes
// on where it was.

using FlowBP.Cli.Failures;
using FlowBP.Cli.Machine;
using FlowBP.Cli.Output;
using FlowBP.Cli.Parsing;
using FlowBP.Settings;
using FlowBP.Training.Pretraining;

namespace FlowBP.Cli.Commands;

/// <summary>Trains the embedded model, its rewards included.</summary>
internal sealed class PretrainCommand : ICommand
{
    private const string AllStages = "all";
    private const int FewestPictures = 1024;

    private static readonly SettingTable<PretrainOptions> s_options = new(new());

    /// <inheritdoc/>
    public string Name => "pretrain";

    /// <inheritdoc/>
    public string Summary => "train the embedded model's whole stack from nothing";

    /// <inheritdoc/>
    public IReadOnlyList<string> Examples { get; } =
    ["flowbp pretrain --output_dir outputs/shapes", "flowbp pretrain --stage autoencoder --max_train_steps 200"];

    /// <inheritdoc/>
    public IReadOnlyList<OptionGroup> Options(string? method) => [new("options", s_options.Settings)];

    /// <inheritdoc/>
    public int Run(CommandArguments arguments, Terminal terminal)
    {
        var options = arguments.To(s_options);
        var stages = StagesOf(options.Stage);
        var folder = options.OutputDir;
        var recipe = Recipe(options);
        Threads.UseAll();
        var kept = ProgressLine.During(
            terminal,
            line =>
            {
                var progress = new PretrainingDisplay(line, terminal.Stop);
                var pretrainer = new Pretrainer(recipe, folder, progress.Report);
                return stages.Where(stage => !progress.Run(stage, () => pretrainer.Run(stage))).ToArray();
            }
        );
        if (kept.Length > 0)
        {
            terminal.Output.WriteLine($"already there and kept: {string.Join(", ", kept)}");
        }
        terminal.Output.WriteLine($"written to {folder}");
        return 0;
    }

    private static IReadOnlyList<string> StagesOf(string name) =>
        name == AllStages ? Pretrainer.Stages
        : Pretrainer.Stages.Contains(name) ? [name]
        : throw new UsageException(new UnknownNameException("stage", name, [.. Pretrainer.Stages, AllStages]).Message);

    private static PretrainRecipe Recipe(PretrainOptions options)
    {
        var recipe = new PretrainRecipe { Seed = (ulong)options.Seed };
        if (options.MaxTrainSteps is not { } most)
        {
            return recipe;
        }
        // So many steps of the first cycle, and no other.
        IReadOnlyList<StageRecipe> Cut(IReadOnlyList<StageRecipe> cycles) =>
            [cycles[0] with { Steps = Math.Min(cycles[0].Steps, most) }];
        return recipe with
        {
            // No more pictures than so many updates can look at, and enough to draw batches from.
            FlowPictures = (int)Math.Clamp((long)most * recipe.Flow[0].Batch, FewestPictures, recipe.FlowPictures),
            Autoencoder = Cut(recipe.Autoencoder),
            Decoder = Cut(recipe.Decoder),
            Flow = Cut(recipe.Flow),
            Reward = Cut(recipe.Reward),
            HeldOutReward = Cut(recipe.HeldOutReward),
            Painting = recipe.Painting with { Prompts = Math.Min(recipe.Painting.Prompts, most) },
            FreshPrompts = Math.Min(recipe.FreshPrompts, most),
            JudgedReward = Cut(recipe.JudgedReward),
            JudgedHeldOutReward = Cut(recipe.JudgedHeldOutReward),
        };
    }

    private sealed record PretrainOptions
    {
        [Setting("folder of the model, the rewards and the prompts; stages it already holds are kept")]
        public string OutputDir { get; init; } = "outputs/shapes";

        [Stage]
        public string Stage { get; init; } = AllStages;

        [Setting("seed of weights and data", 0)]
        public long Seed { get; init; } = (long)new PretrainRecipe().Seed;

        [Setting("at most so many updates per stage; none: the recipe's", 1)]
        public int? MaxTrainSteps { get; init; }
    }

    private sealed class StageAttribute()
        : SettingAttribute($"one of {string.Join(", ", Pretrainer.Stages)}, or {AllStages}");
}
