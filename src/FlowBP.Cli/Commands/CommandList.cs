namespace FlowBP.Cli.Commands;

/// <summary>The commands, in the order in which they are listed.</summary>
internal static class CommandList
{
    /// <summary>All commands.</summary>
    public static IReadOnlyList<ICommand> All { get; } =
    [
        new DemoCommand(TimeProvider.System),
        new PretrainCommand(),
        new AlignCommand(),
        new SampleCommand(TimeProvider.System),
        new EvaluateCommand(TimeProvider.System),
        new DiagnoseCommand(),
        new StudyCommand(),
        new SaveCommand(TimeProvider.System),
        new ExportCommand(TimeProvider.System),
        new EmbedCommand(),
        new InspectCommand(),
        new PlanCommand(),
        new VerifyCommand(),
        new DoctorCommand(),
        new BundleCommand(),
    ];
}
