// Which layers an adapter changes, and how strongly. The words are PEFT's, so that a configuration or a file from there
// means the same here: alpha over rank is the strength, and a target names a layer by the end of its path.

using FlowBP.Settings;

namespace FlowBP.Models.Adapters;

/// <summary>Settings of a low-rank adapter (LoRA, Hu et al. 2021).</summary>
public sealed record LoraConfig
{
    /// <summary>Rank of the change of a weight, at least 1.</summary>
    public int Rank { get; init; } = 8;

    /// <summary>Numerator of the strength.</summary>
    public double Alpha { get; init; } = 8;

    /// <summary>
    /// Layers: the whole dotted path of one, or its end (<c>to_q</c> is every layer whose path ends with <c>.to_q</c>).
    /// </summary>
    public IReadOnlyList<string> TargetModules { get; init; } = ["to_k", "to_q", "to_v", "to_out.0"];

    /// <summary>What the product of the factors is multiplied with: alpha / rank.</summary>
    public double Scaling => Alpha / Rank;

    /// <summary>The first target that a layer's path answers to, or null.</summary>
    /// <param name="path">Dotted path of a layer.</param>
    public string? TargetOf(string path) =>
        TargetModules.FirstOrDefault(target => path == target || path.EndsWith("." + target, StringComparison.Ordinal));

    /// <summary>Refuses settings that mean nothing.</summary>
    /// <exception cref="InvalidSettingException">The rank is below 1, alpha is not finite, or there are no targets.</exception>
    public void Check()
    {
        if (Rank < 1)
        {
            throw new InvalidSettingException($"lora rank: found {Rank}, expected at least 1");
        }
        if (!double.IsFinite(Alpha) || Alpha == 0)
        {
            throw new InvalidSettingException($"lora alpha: found {Alpha}, expected a number other than 0");
        }
        if (TargetModules.Count == 0)
        {
            throw new InvalidSettingException("lora targets: found none, expected names of linear layers such as to_q");
        }
    }
}
