// From settings to a model: its files are found, its adapter and its prompts' embeddings looked for, and all of it loaded.

using FlowBP.Families;
using FlowBP.Formats;
using FlowBP.Models.Prompts;
using FlowBP.Settings;
using FlowBP.Training.Devices;

namespace FlowBP.Training.Pipelines;

/// <summary>Opens the model that settings name.</summary>
public static class ModelOpening
{
    /// <summary>Loads the model.</summary>
    /// <param name="settings">The model and how it paints.</param>
    /// <param name="device">Where it computes; it stays the caller's.</param>
    /// <param name="prompts">Every prompt that it will be asked for.</param>
    /// <param name="notice">Hears which prompts are too long; null: nobody.</param>
    /// <param name="training">What is trained; null: nothing.</param>
    /// <exception cref="CheckpointException">
    /// A file is missing, damaged or does not fit, or the embeddings belong to another model or lack a prompt.
    /// </exception>
    /// <exception cref="ConfigurationException">The model does not have what a setting asks for, such as a size.</exception>
    public static TextToImage Open(
        this ModelSettings settings,
        ComputeDevice device,
        IReadOnlyList<string> prompts,
        Action<string>? notice = null,
        TrainingSettings? training = null
    )
    {
        settings.Check();
        using var listening = LoadingNotices.To(notice);
        try
        {
            settings.StoredLora(training)?.RequirePresent();
            var model = new TextToImage(settings, training, device, Source(settings, prompts));
            if (notice is not null && LongPrompts.Notice(model.Model.Prompts, prompts) is { } text)
            {
                notice(text);
            }
            return model;
        }
        catch (InvalidSettingException e)
        {
            throw new ConfigurationException(e.Message);
        }
    }

    /// <summary>Folder of the model, and the file of its transformer's weights; null: the folder's own.</summary>
    /// <param name="settings">The model and how it paints.</param>
    /// <exception cref="CheckpointException">It is a file that no folder goes with, or it is not there.</exception>
    internal static (string Folder, string? Transformer) Files(this ModelSettings settings) =>
        ModelFiles.Of(EmbeddedAssets.Resolve(settings.Model, () => EmbeddedAssets.Model), settings.Transformer);

    /// <summary>The adapter that was trained before; null: none. Settings of one that is trained on may not contradict its file.</summary>
    /// <param name="settings">The model and how it paints.</param>
    /// <param name="training">What is trained; null: nothing.</param>
    internal static StoredAdapter? StoredLora(this ModelSettings settings, TrainingSettings? training) =>
        settings.LoraWeights is { } path
            ? new(path, training?.LoraRank, training?.LoraAlpha, settings.LoraScale * settings.Strength)
            : null;

    // Null: from the text encoders of the model's folder, with the length that its pipeline has.
    private static IPromptSource? Source(ModelSettings settings, IReadOnlyList<string> prompts)
    {
        if (settings.PromptEmbeds is { } folder)
        {
            return StoredEmbeddings.Open(folder, settings.Files().Folder, settings.MaxSequenceLength, prompts);
        }
        return settings.MaxSequenceLength is { } length ? PromptEncoders.Of(settings.Files().Folder, length) : null;
    }
}
