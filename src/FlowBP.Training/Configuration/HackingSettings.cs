using FlowBP.Settings;

namespace FlowBP.Training.Configuration;

/// <summary>What happens when a judge that is not trained against says that training has gone too far.</summary>
public enum HackingResponse
{
    /// <summary>Nobody watches.</summary>
    None,

    /// <summary>It is said, and training goes on.</summary>
    Warn,

    /// <summary>Training ends with the weights that it has.</summary>
    Stop,

    /// <summary>Training ends with the weights of the best step that was judged.</summary>
    Rollback,
}

/// <summary>The alarm against reward hacking: a judge, and how often it is asked.</summary>
public sealed record HackingSettings
{
    /// <summary>What an alarm does.</summary>
    [Setting(
        "what to do when the judge of select_prompts finds the model worse than at an earlier step",
        Choices = [
            "none",
            HackingResponse.None,
            "warn",
            HackingResponse.Warn,
            "stop",
            HackingResponse.Stop,
            "rollback",
            HackingResponse.Rollback,
        ]
    )]
    public HackingResponse OnHacking { get; init; } = HackingResponse.None;

    /// <summary>Steps between two judgements.</summary>
    [Setting("steps between two judgements of on_hacking", 1)]
    public int HackingInterval { get; init; } = 25;

    /// <summary>Who judges.</summary>
    [Setting(
        "whose judgement on_hacking heeds",
        Choices = ["heldout", SelectionJudge.HeldOut, "rules", SelectionJudge.Rules]
    )]
    public SelectionJudge HackingJudge { get; init; } = SelectionJudge.HeldOut;
}
