// Which reward lies in a folder is written in its configuration; a new form of reward is registered here and nowhere else.

using FlowBP.Formats;
using FlowBP.Models.Clip;
using FlowBP.Models.Rewards;
using FlowBP.Models.Tokenizers;

namespace FlowBP.Training.Rewards;

/// <summary>Loads rewards, from folders as they are distributed.</summary>
public static class RewardFolder
{
    private readonly record struct Place(Device Device, ScalarType Type);

    private sealed record Form(
        string Name,
        Func<ConfigReader, bool> Recognises,
        Func<RewardFiles, ClipTokenizer, Place, IImageReward> Load
    );

    private static readonly Form[] Forms =
    [
        new(
            "image-text matching (model_type image_text_matching)",
            config => config.Text("model_type", "") == ImageTextMatchingConfig.ModelType,
            (files, tokenizer, place) =>
            {
                var model = Frozen(ImageTextMatchingModel.FromFolder(files.Folder), place);
                return new MatchingImageReward(files.Name, model, tokenizer);
            }
        ),
        new(
            "HPSv2 (open_clip: embed_dim, text_cfg, vision_cfg)",
            config => config.Has("text_cfg") && config.Has("vision_cfg"),
            (files, tokenizer, place) => HpsV2(files, OpenClipConfig.Read(files.Config!), tokenizer, place)
        ),
        new(
            "PickScore (transformers: text_config, vision_config)",
            config => config.Has("text_config") && config.Has("vision_config"),
            (files, tokenizer, place) =>
            {
                var model = Frozen(CLIPModel.FromFolder(files.Folder, files.Weights), place);
                return new ClipImageReward(files.Name, ClipReward.PickScore(model), model, tokenizer);
            }
        ),
    ];

    /// <summary>Loads a reward; its parameters receive no gradients.</summary>
    /// <param name="path">The folder, or the file of weights in it.</param>
    /// <param name="device">Where it computes; null: on the CPU.</param>
    /// <param name="type">What it computes in: Float32 or BFloat16. Pictures and scores are Float32 either way.</param>
    /// <exception cref="CheckpointException">A file is missing or damaged, or the form is not known.</exception>
    public static IImageReward Load(string path, Device? device = null, ScalarType type = ScalarType.Float32)
    {
        var files = RewardFiles.Find(path);
        var place = new Place(device ?? torch.CPU, type);
        if (files.Config is null)
        {
            // HPSv2 is published as its weights alone.
            return HpsV2(files, OpenClipConfig.HpsV2, files.Tokenizer(isOpenClip: true), place);
        }
        var form =
            Forms.FirstOrDefault(candidate => candidate.Recognises(files.Config))
            ?? throw CheckpointException.ForFile(
                files.Config.File,
                $"found no known form of reward, expected one of: {string.Join("; ", Forms.Select(f => f.Name))}"
            );
        return form.Load(files, files.Tokenizer(isOpenClip: files.Config.Has("text_cfg")), place);
    }

    /// <summary>Loads one reward, or several as their weighted sum.</summary>
    /// <param name="rewards">At least one. One of weight 1 is that reward itself.</param>
    /// <param name="device">As above.</param>
    /// <param name="type">As above.</param>
    /// <exception cref="CheckpointException">A file is missing or damaged, or the form is not known.</exception>
    public static IImageReward Load(IReadOnlyList<WeightedReward> rewards, Device? device, ScalarType type)
    {
        if (rewards is [{ Weight: 1 } only])
        {
            return Load(only.Folder, device, type);
        }
        List<(IImageReward Reward, double Weight)> loaded = [];
        try
        {
            foreach (var reward in rewards)
            {
                loaded.Add((Load(reward.Folder, device, type), reward.Weight));
            }
            return new WeightedRewards(loaded);
        }
        catch
        {
            loaded.ForEach(each => each.Reward.Dispose());
            throw;
        }
    }

    private static ClipImageReward HpsV2(RewardFiles files, OpenClipConfig config, ClipTokenizer tokenizer, Place place)
    {
        var model = Frozen(OpenClipModel.FromWeights(config, files.Weights), place);
        return new ClipImageReward(files.Name, ClipReward.HpsV2(model), model, tokenizer);
    }

    private static T Frozen<T>(T module, Place place)
        where T : nn.Module
    {
        foreach (var parameter in module.parameters())
        {
            parameter.requires_grad = false;
        }
        module.eval();
        return module.to(place.Type).to(place.Device);
    }
}
