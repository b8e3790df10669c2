// What no single setting can know: values that are each accepted and don't go together. A setting without a meaning in its
// surroundings would be ignored, so it is refused.

using FlowBP.Families;
using FlowBP.Settings;

namespace FlowBP.Training.Configuration;

/// <summary>The rules between settings of a run.</summary>
internal static class SettingRules
{
    private static readonly (Func<AlignmentConfig, bool> IsBroken, string Message)[] Rules =
    [
        (
            config => config.Family is { HasEmbeddedGuidance: true } && config.CfgGradNormCompensate,
            "cfg_grad_norm_compensate must be false for this model: its guidance is an input of the network and does not scale"
                + " the gradient"
        ),
        (
            config => config.Family is { HasEmbeddedGuidance: true } && !config.Training.CfgDetachNeg,
            "cfg_detach_neg must be true for this model: its guidance is an input of the network, there is no negative branch"
        ),
        (
            config => config.Model.LoraWeights is not null && config.Training.LoraTargetModules.Count > 0,
            "lora_target_modules has no meaning with lora_weights: the file says which modules have additions"
        ),
        (
            config =>
                config.Training.LoraRank is null
                && config.Model.LoraWeights is null
                && (config.Training.LoraAlpha is not null || config.Training.LoraTargetModules.Count > 0),
            "lora_alpha and lora_target_modules need lora_rank"
        ),
        (
            config =>
                config.Hacking is { OnHacking: not HackingResponse.None, HackingJudge: SelectionJudge.HeldOut }
                && config.Judges.HeldOutReward is null,
            "on_hacking has nothing to judge by: name a heldout_reward, or set hacking_judge to rules"
        ),
        (
            config => config.FlowMatching is { IsOff: false, FlowMatchingData: null },
            "flow_matching_weight needs flow_matching_data: a folder of pictures with captions, or embedded for the embedded model"
        ),
        (
            config =>
                config.FlowMatching.IsOff
                && (
                    config.FlowMatching.FlowMatchingData is not null
                    || config.FlowMatching.FlowMatchingBatchSize is not null
                ),
            "flow_matching_data and flow_matching_batch_size have no meaning without flow_matching_weight"
        ),
        (
            config =>
                config.FlowMatching.FlowMatchingData == ModelFamilies.Embedded
                && config.Model.Model != ModelFamilies.Embedded,
            "flow_matching_data embedded has scenes for the embedded model alone: name a folder of pictures with captions"
        ),
        (
            config => config.Selection.Select == SelectionJudge.HeldOut && config.Judges.HeldOutReward is null,
            "select heldout needs heldout_reward, the judge that chooses"
        ),
        (
            config =>
                config.CheckpointingSteps is null
                && (
                    config.Resuming.CheckpointsTotalLimit is not null
                    || config.Resuming.Nonfinite == NonFiniteResponse.Rollback
                ),
            "checkpoints_total_limit and nonfinite rollback need checkpointing_steps: without it there are no checkpoints"
        ),
        (
            config =>
                config.Selection.Select != SelectionJudge.None && config.Resuming.CheckpointsTotalLimit is not null,
            "checkpoints_total_limit would delete what select chooses among: leave one of them out"
        ),
        (
            config =>
                config.Selection.Select != SelectionJudge.None
                && (config.Model.Transformer is not null || config.Model.Strength != 1),
            "select needs the base as a folder of its own: leave transformer and strength out"
        ),
    ];

    /// <summary>Refuses a run that breaks a rule.</summary>
    /// <param name="config">The run.</param>
    /// <exception cref="InvalidSettingException">It breaks one; the message names the settings.</exception>
    public static void Check(AlignmentConfig config)
    {
        config.Model.Check();
        config.Anchor.Check();
        // Refuses what is no list of rewards.
        _ = config.Judges.Rewards;
        _ = config.Selection.Strengths;
        foreach (var (isBroken, message) in Rules)
        {
            if (isBroken(config))
            {
                throw new InvalidSettingException(message);
            }
        }
    }
}
