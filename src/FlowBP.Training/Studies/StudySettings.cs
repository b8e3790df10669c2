using FlowBP.Settings;

namespace FlowBP.Training.Studies;

/// <summary>Settings of <c>study</c>.</summary>
public sealed record StudySettings
{
    /// <summary>What can be set.</summary>
    public static SettingTable<StudySettings> Table { get; } = new(new());

    /// <summary>Name of the study, or its file; no option.</summary>
    public string Name { get; init; } = "";

    /// <summary>Settings over those of the study, as <c>key=value</c>; no option of this record, since it may be given again.</summary>
    public IReadOnlyList<string> Overrides { get; init; } = [];

    /// <summary>Whether the shortened form is run.</summary>
    [Setting("fewer seeds, steps and pictures: says whether it runs, and little else")]
    public bool Quick { get; init; }

    /// <summary>Training seeds; none: the study's.</summary>
    [Setting("training seeds, separated by commas; none: the study's")]
    public IReadOnlyList<string> Seeds { get; init; } = [];

    /// <summary>Arms; none: all.</summary>
    [Setting("arms to run, separated by commas; none: all of them")]
    public IReadOnlyList<string> Arms { get; init; } = [];

    /// <summary>Trainings at the same time; null: one per core. On a GPU it is always one.</summary>
    [Setting("trainings at the same time, one core each; none: as many as there are cores; on a GPU always one", 1)]
    public int? ParallelCells { get; init; }

    /// <summary>Where it computes.</summary>
    [Configuration.OfRun]
    public string Device { get; init; } = "auto";

    /// <summary>Folder; null: after the study's name.</summary>
    [Setting("folder of the study; one that holds a part of it is gone on with; none: outputs/study-NAME")]
    public string? OutputDir { get; init; }
}
