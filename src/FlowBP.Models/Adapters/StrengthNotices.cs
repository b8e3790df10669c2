// An adapter without a strength is read as other programs read it, which may not be as it was trained: whoever loads it is told.

using FlowBP.Formats;

namespace FlowBP.Models.Adapters;

/// <summary>Says where the strength of an adapter is taken for granted, or is none.</summary>
internal static class StrengthNotices
{
    // Where sd-scripts notes what it was called with.
    private const string TrainedAlpha = "ss_network_alpha";

    /// <summary>Says where nothing tells the strength.</summary>
    /// <param name="tensors">The file.</param>
    /// <param name="settings">Where the strength may lie.</param>
    /// <param name="written">Its tensors by layer, where it may lie too.</param>
    public static void IfUnknown(
        ICheckpointSource tensors,
        LoraSettings settings,
        IReadOnlyDictionary<string, Dictionary<FactorRole, string>> written
    )
    {
        var anyStrength = settings.HasAlpha || written.Values.Any(roles => roles.ContainsKey(FactorRole.Alpha));
        if (
            !anyStrength
            && written.Keys.All(LayerNames.IsPeft)
            && Path.GetFileName(tensors.Path).StartsWith("adapter_", StringComparison.Ordinal)
        )
        {
            LoadingNotices.Say(
                $"{tensors.Path}: there is no adapter_config.json beside it to say how strong it is; its strength is taken as 1"
            );
        }
        if (!anyStrength && tensors is SafetensorsFile { Metadata: var header } && header.ContainsKey(TrainedAlpha))
        {
            LoadingNotices.Say(
                $"{tensors.Path}: it was trained with alpha {header[TrainedAlpha]} ({TrainedAlpha}), but no layer has an alpha;"
                    + " its strength is taken as 1, as ComfyUI and sd-scripts do"
            );
        }
    }

    /// <summary>Says where the strength is zero throughout.</summary>
    /// <param name="tensors">The file.</param>
    /// <param name="entries">The changes of the layers.</param>
    public static void IfZero(ICheckpointSource tensors, IReadOnlyList<LoraFileEntry> entries)
    {
        if (entries.All(entry => entry.Scaling == 0))
        {
            LoadingNotices.Say($"{tensors.Path}: alpha is 0 in every layer, so that this adapter changes nothing");
        }
    }
}
