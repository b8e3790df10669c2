// Training data without files: a batch is a function of (seed, step) and each sample of (seed, step, its index in the
// global batch), so every rank makes its own part and a resumed run sees what the interrupted one would have seen.

using FlowBP.RandomStreams;

namespace FlowBP.Shapes;

/// <summary>What a batch holds beyond pictures and prompts.</summary>
public sealed record ShapesBatchOptions
{
    /// <summary>Which prompts are drawn.</summary>
    public PromptSplit Split { get; init; } = PromptSplit.Training;

    /// <summary>Adds to each sample a picture that violates the prompt by one edit (<see cref="SceneEdits"/>).</summary>
    public bool ViolatingImages { get; init; }

    /// <summary>Adds to each sample a prompt that the picture violates, one edit away (<see cref="PromptEdits"/>).</summary>
    public bool ViolatedPrompts { get; init; }

    /// <summary>Disturbs every picture; null leaves them clean.</summary>
    public Augmentation? Augmentation { get; init; }
}

/// <summary>A batch of captioned pictures; B is the number of samples.</summary>
public sealed class ShapesBatch
{
    private ShapesBatch(int size, ShapesBatchOptions options)
    {
        Prompts = new Prompt[size];
        Scenes = new Scene[size];
        Images = new float[size * Scene.ImageLength];
        if (options.ViolatingImages)
        {
            ViolatingScenes = new Scene[size];
            ViolatingImages = new float[size * Scene.ImageLength];
        }
        if (options.ViolatedPrompts)
        {
            ViolatedPrompts = new Prompt[size];
        }
    }

    /// <summary>[B, 3, 32, 32], RGB planes in [0, 1].</summary>
    public float[] Images { get; }

    /// <summary>What the pictures show, [B]; the caption is <see cref="Prompt.Text"/>.</summary>
    public Prompt[] Prompts { get; }

    /// <summary>The ground truth of the pictures, [B].</summary>
    public Scene[] Scenes { get; }

    /// <summary>Pictures that violate the prompts by one edit, [B, 3, 32, 32]; null if not asked for.</summary>
    public float[]? ViolatingImages { get; }

    /// <summary>The ground truth of <see cref="ViolatingImages"/>, [B]; null if not asked for.</summary>
    public Scene[]? ViolatingScenes { get; }

    /// <summary>Prompts which the pictures violate, one edit away from their own, [B]; null if not asked for.</summary>
    public Prompt[]? ViolatedPrompts { get; }

    /// <summary>The captions, [B].</summary>
    public string[] Captions => Array.ConvertAll(Prompts, prompt => prompt.Text);

    /// <summary>Makes a batch, in parallel over samples.</summary>
    /// <param name="seed">Seed of the data set: another seed, another set.</param>
    /// <param name="step">Training step, at least 0.</param>
    /// <param name="size">Number of samples, at least 1.</param>
    /// <param name="options">What else to make; clean training pictures by default.</param>
    /// <param name="firstSample">Index of the first sample in the global batch.</param>
    public static ShapesBatch Sample(
        ulong seed,
        long step,
        int size,
        ShapesBatchOptions? options = null,
        long firstSample = 0
    )
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(size, 1);
        options ??= new();
        var batch = new ShapesBatch(size, options);
        Parallel.For(0, size, b => batch.Fill(b, seed, step, firstSample + b, options));
        return batch;
    }

    /// <summary>
    /// Which prompts are satisfied by which scenes: the mask of false negatives in a contrastive loss, where any
    /// other picture that happens to match a prompt must not count against it.
    /// </summary>
    /// <param name="prompts">Prompts, [P].</param>
    /// <param name="scenes">Scenes, [S].</param>
    /// <returns>[P, S], row by row.</returns>
    public static bool[] Matches(IReadOnlyList<Prompt> prompts, IReadOnlyList<Scene> scenes)
    {
        var matches = new bool[prompts.Count * scenes.Count];
        for (var p = 0; p < prompts.Count; p++)
        {
            for (var s = 0; s < scenes.Count; s++)
            {
                matches[p * scenes.Count + s] = PromptRules.Matches(prompts[p], scenes[s]);
            }
        }
        return matches;
    }

    private void Fill(int b, ulong seed, long step, long sample, ShapesBatchOptions options)
    {
        // One stream for content, one for disturbances: the same scenes are drawn whatever the augmentation. Both
        // violations come last, in a fixed order, so asking for them doesn't change prompt and scene either.
        var content = RandomStream.For(seed, step, sample, RandomPurpose.Data);
        var disturbance = RandomStream.For(seed, step, sample, RandomPurpose.Augmentation);
        var wording = PromptWording.Draw(RandomStream.For(seed, step, sample, RandomPurpose.Wording));
        Prompts[b] = PromptSets.Draw(content, options.Split).In(wording);
        Scenes[b] = SceneSampler.Sample(content, Prompts[b]);
        Draw(Scenes[b], Images, b, options.Augmentation, disturbance);
        if (ViolatingScenes is not null && ViolatingImages is not null)
        {
            ViolatingScenes[b] = SceneEdits.Violate(content, Prompts[b], Scenes[b]).Scene;
            Draw(ViolatingScenes[b], ViolatingImages, b, options.Augmentation, disturbance);
        }
        if (ViolatedPrompts is not null)
        {
            ViolatedPrompts[b] = PromptEdits.Violate(content, Prompts[b], Scenes[b]);
        }
    }

    private static void Draw(Scene scene, float[] images, int b, Augmentation? augmentation, RandomStream stream)
    {
        var image = images.AsSpan(b * Scene.ImageLength, Scene.ImageLength);
        Renderer.Render(scene, image);
        augmentation?.Apply(image, stream);
    }
}
