namespace FlowBP.Cli.Machine;

/// <summary>What a finding means.</summary>
internal enum Verdict
{
    /// <summary>As it should be.</summary>
    Good,

    /// <summary>Works, but slower or with less than it could.</summary>
    Warning,

    /// <summary>Nothing works until this is put right.</summary>
    Missing,
}

/// <summary>One line of what `doctor` finds.</summary>
/// <param name="What">What was looked at.</param>
/// <param name="Verdict">What it means.</param>
/// <param name="Found">What was found and, if it isn't good, what to do.</param>
internal sealed record Finding(string What, Verdict Verdict, string Found);
