// Rewards of two towers, from a folder's configuration or by name.

using FlowBP.Families.Inspection;
using FlowBP.Families.Tracing;
using FlowBP.Formats;
using FlowBP.Models.Clip;

namespace FlowBP.Training.Planning;

/// <summary>Finds rewards.</summary>
public static class PlannedRewards
{
    /// <summary>HPSv2.1: the two towers of ViT-H/14.</summary>
    public const string HpsV2 = "hpsv2";

    /// <summary>A training reward.</summary>
    /// <param name="reward"><see cref="HpsV2"/>, <c>embedded</c>, or a folder.</param>
    /// <exception cref="CheckpointException">Its configuration is missing, damaged, or of another kind of reward.</exception>
    internal static ClipRewardShape Of(string reward)
    {
        if (reward == HpsV2)
        {
            return Of("HPSv2", OpenClipConfig.HpsV2);
        }
        var folder = EmbeddedAssets.Resolve(reward, () => EmbeddedAssets.Reward);
        var file = Path.Combine(folder, "config.json");
        var json = ConfigReader.Open(file);
        if (json.Has("text_cfg") && json.Has("vision_cfg"))
        {
            return Shape(Path.GetFileName(folder), OpenClipConfig.Read(json), ParametersOf(file));
        }
        if (!json.Has("text_config") || !json.Has("vision_config"))
        {
            throw CheckpointException.ForFile(
                file,
                "found no reward of two towers, expected text_cfg and vision_cfg (HPSv2) or text_config and vision_config"
                    + " (PickScore)"
            );
        }
        var clip = ClipConfig.Read(json);
        return new()
        {
            Name = Path.GetFileName(folder),
            VisionWidth = clip.Vision.HiddenSize,
            VisionLayers = clip.Vision.NumHiddenLayers,
            VisionHeads = clip.Vision.NumAttentionHeads,
            VisionHidden = clip.Vision.IntermediateSize,
            ImageSize = clip.Vision.ImageSize,
            PatchSize = clip.Vision.PatchSize,
            EmbedDim = clip.ProjectionDim,
            QuickGelu = clip.Vision.HiddenAct == "quick_gelu",
            PackedProjection = false,
            Parameters = ParametersOf(file),
        };
    }

    /// <summary>A training reward in HPSv2's form, of any size.</summary>
    /// <param name="name">Its name.</param>
    /// <param name="config">Its sizes.</param>
    internal static ClipRewardShape Of(string name, OpenClipConfig config) =>
        Shape(name, config, MetaNetwork.Parameters(() => new OpenClipModel(config)));

    /// <summary>Elements of the weights of a reward of any kind, which only evaluates.</summary>
    /// <param name="reward"><see cref="HpsV2"/>, <c>embedded</c> for the embedded held-out reward, or a folder.</param>
    internal static long Parameters(string reward) =>
        reward == HpsV2
            ? Of(HpsV2).Parameters
            : ParametersOf(
                Path.Combine(EmbeddedAssets.Resolve(reward, () => EmbeddedAssets.HeldOutReward), "config.json")
            );

    private static ClipRewardShape Shape(string name, OpenClipConfig config, long parameters) =>
        new()
        {
            Name = name,
            VisionWidth = config.Vision.Width,
            VisionLayers = config.Vision.Layers,
            VisionHeads = config.Vision.Heads,
            VisionHidden = (long)(config.Vision.Width * config.Vision.MlpRatio),
            ImageSize = config.ImageSize,
            PatchSize = config.PatchSize,
            EmbedDim = config.EmbedDim,
            QuickGelu = config.QuickGelu,
            PackedProjection = true,
            Parameters = parameters,
        };

    private static long ParametersOf(string configFile)
    {
        using var network = NetworkConfig.Read(configFile)[0].Build();
        return NetworkLayout.Of(network).Parameters ?? 0;
    }
}
