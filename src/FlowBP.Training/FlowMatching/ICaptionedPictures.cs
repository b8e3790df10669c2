// What a flow-matching loss is taken of: pictures that come with a caption each, wherever they are from.

using FlowBP.Families;
using FlowBP.RandomStreams;
using FlowBP.Training.Configuration;

namespace FlowBP.Training.FlowMatching;

/// <summary>Pictures with captions.</summary>
internal interface ICaptionedPictures
{
    /// <summary>The captions, by picture; at least one.</summary>
    IReadOnlyList<string> Captions { get; }

    /// <summary>Refuses pictures that can't be read, or are of another size, before anything is trained.</summary>
    /// <param name="size">The size that the model paints.</param>
    /// <exception cref="InvalidDataException">A picture is unreadable or of another size; names it.</exception>
    void Check(ImageSize size);

    /// <summary>Puts a picture into place.</summary>
    /// <param name="picture">Its number.</param>
    /// <param name="stream">Where draws come from that its caption leaves open.</param>
    /// <param name="planes_CYX">Receives [3, Y, X], RGB in [0, 1].</param>
    /// <exception cref="InvalidDataException">It can't be read, or is of another size; names it.</exception>
    void Fill(int picture, RandomStream stream, Span<float> planes_CYX);
}

/// <summary>Finds the pictures that settings name.</summary>
internal static class CaptionedPictures
{
    /// <summary>The pictures; null: the loss is off.</summary>
    /// <param name="settings">The settings.</param>
    /// <param name="trainingPrompts">The run's training prompts.</param>
    /// <exception cref="InvalidDataException">The folder holds no pictures with captions, or a prompt has no scenes.</exception>
    public static ICaptionedPictures? Of(FlowMatchingSettings settings, IReadOnlyList<string> trainingPrompts) =>
        settings is { IsOff: true } or { FlowMatchingData: null } ? null
        : settings.FlowMatchingData == ModelFamilies.Embedded ? new PromptedScenes(trainingPrompts)
        : new PictureFolder(settings.FlowMatchingData);
}
