// Data without files for the embedded model: scenes of the training prompts, as pretraining renders them.

using FlowBP.Families;
using FlowBP.RandomStreams;
using FlowBP.Shapes;

namespace FlowBP.Training.FlowMatching;

/// <summary>A new scene of a training prompt with each draw.</summary>
internal sealed class PromptedScenes : ICaptionedPictures
{
    private readonly Prompt[] prompts;

    /// <summary>Reads the prompts.</summary>
    /// <param name="captions">Training prompts of the embedded world.</param>
    /// <exception cref="InvalidDataException">A prompt is of another world, or held out.</exception>
    public PromptedScenes(IReadOnlyList<string> captions)
    {
        Captions = captions;
        prompts = [.. captions.Select(Read)];
    }

    /// <inheritdoc/>
    public IReadOnlyList<string> Captions { get; }

    /// <inheritdoc/>
    public void Check(ImageSize size)
    {
        if (size != new ImageSize(Scene.Size, Scene.Size))
        {
            throw BadFile.Of(
                $"flow_matching_data embedded: scenes have {Scene.Size} × {Scene.Size} pixels, the model paints {size.Height} ×"
                    + $" {size.Width}; leave height and width out, or name a folder of pictures"
            );
        }
    }

    /// <inheritdoc/>
    public void Fill(int picture, RandomStream stream, Span<float> planes_CYX) =>
        Renderer.Render(SceneSampler.Sample(stream, prompts[picture]), planes_CYX);

    private static Prompt Read(string caption)
    {
        if (!Prompt.TryParse(caption, out var prompt))
        {
            throw BadFile.Of(
                $"flow_matching_data embedded: the training prompt \"{caption}\" is none of the embedded world, so no scene can be"
                    + " drawn of it; name a folder of pictures"
            );
        }
        return PromptSets.IsHeldOut(prompt)
            ? throw BadFile.Of(
                $"flow_matching_data embedded: the training prompt \"{caption}\" is held out for choices and final figures; take it"
                    + " out of the training prompts"
            )
            : prompt;
    }
}
