// Which reward lies in a folder is written in its config.json; a new form of reward is registered here and nowhere else.

using FlowBP.Models.Clip;
using FlowBP.Models.Formats;
using FlowBP.Models.Rewards;
using FlowBP.Models.Tokenizers;

namespace FlowBP.Training.Rewards;

/// <summary>Loads rewards from folders with config.json, model.safetensors and tokenizer/.</summary>
public static class RewardFolder
{
    private readonly record struct Place(Device Device, ScalarType Type);

    private sealed record Form(
        string Name,
        Func<ConfigReader, bool> Recognises,
        Func<string, string, ClipTokenizer, Place, IImageReward> Load
    );

    private static readonly Form[] Forms =
    [
        new(
            "image-text matching (model_type image_text_matching)",
            config => config.Text("model_type", "") == ImageTextMatchingConfig.ModelType,
            (name, folder, tokenizer, place) =>
            {
                var model = Frozen(ImageTextMatchingModel.FromFolder(folder), place);
                return new MatchingImageReward(name, model, tokenizer);
            }
        ),
        new(
            "HPSv2 (open_clip: embed_dim, text_cfg, vision_cfg)",
            config => config.Has("text_cfg") && config.Has("vision_cfg"),
            (name, folder, tokenizer, place) =>
            {
                var model = Frozen(OpenClipModel.FromFolder(folder), place);
                return new ClipImageReward(name, ClipReward.HpsV2(model), model, tokenizer);
            }
        ),
        new(
            "PickScore (transformers: text_config, vision_config)",
            config => config.Has("text_config") && config.Has("vision_config"),
            (name, folder, tokenizer, place) =>
            {
                var model = Frozen(CLIPModel.FromFolder(folder), place);
                return new ClipImageReward(name, ClipReward.PickScore(model), model, tokenizer);
            }
        ),
    ];

    /// <summary>Loads a reward; its parameters receive no gradients.</summary>
    /// <param name="folder">The folder.</param>
    /// <param name="device">Where it computes; null: on the CPU.</param>
    /// <param name="type">What it computes in: Float32 or BFloat16. Pictures and scores are Float32 either way.</param>
    /// <exception cref="CheckpointException">A file is missing or damaged, or the form is not known.</exception>
    public static IImageReward Load(string folder, Device? device = null, ScalarType type = ScalarType.Float32)
    {
        var file = Path.Combine(folder, "config.json");
        var config = ConfigReader.Open(file);
        var form =
            Forms.FirstOrDefault(candidate => candidate.Recognises(config))
            ?? throw CheckpointException.ForFile(
                file,
                $"found no known form of reward, expected one of: {string.Join("; ", Forms.Select(f => f.Name))}"
            );
        var name = Path.GetFileName(Path.TrimEndingDirectorySeparator(Path.GetFullPath(folder)));
        return form.Load(
            name,
            folder,
            ClipTokenizer.FromFolder(Path.Combine(folder, "tokenizer")),
            new(device ?? torch.CPU, type)
        );
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
