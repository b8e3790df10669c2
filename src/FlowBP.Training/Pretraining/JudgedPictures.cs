// Pictures that a model painted, each with the rules' verdict: what a reward learns preferences from, as HPSv2 learns from people's
// choices between pictures that models painted.

using System.Runtime.InteropServices;
using FlowBP.Formats;
using FlowBP.Shapes;

namespace FlowBP.Training.Pretraining;

/// <summary>Painted pictures of one byte per value, their prompts and verdicts.</summary>
internal sealed class JudgedPictures
{
    private const string Pixels = "pixels";
    private const string Verdicts = "verdicts";

    private readonly List<Prompt> prompts = [];
    private readonly List<bool> passes = [];
    private readonly List<byte> pixels = [];

    /// <summary>What was asked for, picture by picture.</summary>
    public IReadOnlyList<Prompt> Prompts => prompts;

    /// <summary>Whether a picture shows it.</summary>
    public IReadOnlyList<bool> Passes => passes;

    /// <summary>Adds a batch.</summary>
    /// <param name="batch">Prompts, [B].</param>
    /// <param name="images">[B, 3, 32, 32] in [0, 1].</param>
    /// <param name="verdicts">[B].</param>
    public void Add(IReadOnlyList<Prompt> batch, ReadOnlySpan<float> images, IReadOnlyList<Verdict> verdicts)
    {
        prompts.AddRange(batch);
        passes.AddRange(verdicts.Select(verdict => verdict.Correct));
        foreach (var value in images)
        {
            pixels.Add((byte)MathF.Round(255 * Math.Clamp(value, 0, 1)));
        }
    }

    /// <summary>Copies a picture out.</summary>
    /// <param name="picture">Its index.</param>
    /// <param name="image">[3, 32, 32], receives values in [0, 1].</param>
    /// <param name="mirrored">Left and right exchanged.</param>
    public void CopyTo(int picture, Span<float> image, bool mirrored)
    {
        var source = CollectionsMarshal.AsSpan(pixels).Slice(picture * Scene.ImageLength, Scene.ImageLength);
        for (var i = 0; i < image.Length; i++)
        {
            var x = i % Scene.Size;
            image[i] = source[mirrored ? i - x + Scene.Size - 1 - x : i] / 255f;
        }
    }

    /// <summary>[B, 3, 32, 32] of some pictures.</summary>
    /// <param name="pictures">Their indices, [B].</param>
    public Tensor Images(IReadOnlyList<int> pictures)
    {
        var images = new float[pictures.Count * Scene.ImageLength];
        for (var b = 0; b < pictures.Count; b++)
        {
            CopyTo(pictures[b], images.AsSpan(b * Scene.ImageLength, Scene.ImageLength), mirrored: false);
        }
        return ShapesTensors.Images(images);
    }

    /// <summary>
    /// The prompts that have both a picture that passes and one that doesn't, with these, task by task: what preferences can be
    /// learnt from. Prompts that say the same in the same wording are one.
    /// </summary>
    public IReadOnlyList<IReadOnlyList<(int[] Passing, int[] Failing)>> Choices() =>
        [
            .. Enumerable
                .Range(0, prompts.Count)
                .GroupBy(picture => prompts[picture])
                .Select(group =>
                    (
                        group.Key.Task,
                        Passing: group.Where(picture => passes[picture]).ToArray(),
                        Failing: group.Where(picture => !passes[picture]).ToArray()
                    )
                )
                .Where(choice => choice is { Passing.Length: > 0, Failing.Length: > 0 })
                .GroupBy(choice => choice.Task)
                .OrderBy(task => task.Key)
                .Select(task => task.Select(choice => (choice.Passing, choice.Failing)).ToArray()),
        ];

    /// <summary>Writes a safetensors file of pictures and verdicts, and beside it the prompts, one per line.</summary>
    /// <param name="path">The safetensors file.</param>
    public void Write(string path)
    {
        using var scope = torch.NewDisposeScope();
        AtomicFile.WriteText(PromptsOf(path), string.Concat(prompts.Select(prompt => prompt.Text + "\n")));
        SafetensorsWriter.Write(
            path,
            new Dictionary<string, Tensor>
            {
                [Pixels] = Bytes(pixels).reshape(-1, 3, Scene.Size, Scene.Size),
                [Verdicts] = Bytes([.. passes.Select(pass => pass ? (byte)1 : (byte)0)]),
            }
        );
    }

    /// <summary>Reads what <see cref="Write"/> wrote.</summary>
    /// <param name="path">The safetensors file.</param>
    /// <exception cref="CheckpointException">A file is missing or damaged, or the files don't belong together.</exception>
    public static JudgedPictures Read(string path)
    {
        using var scope = torch.NewDisposeScope();
        var stored = SafetensorsFile.LoadAll(path);
        var read = new JudgedPictures();
        read.prompts.AddRange(PromptListFiles.Read(PromptsOf(path)));
        read.pixels.AddRange(Stored(Pixels, read.prompts.Count * Scene.ImageLength));
        read.passes.AddRange(Stored(Verdicts, read.prompts.Count).Select(verdict => verdict != 0));
        return read;

        byte[] Stored(string name, int length) =>
            stored.TryGetValue(name, out var tensor) && tensor.dtype == ScalarType.Byte && tensor.numel() == length
                ? tensor.contiguous().data<byte>().ToArray()
                : throw CheckpointException.ForFile(
                    path,
                    $"found no tensor '{name}' of {length} bytes, as {read.prompts.Count} prompts in"
                        + $" {Path.GetFileName(PromptsOf(path))} need: paint the pictures anew"
                );
    }

    private static Tensor Bytes(List<byte> values)
    {
        var tensor = torch.empty([values.Count], ScalarType.Byte);
        CollectionsMarshal.AsSpan(values).CopyTo(tensor.bytes);
        return tensor;
    }

    private static string PromptsOf(string path) => Path.ChangeExtension(path, ".txt");
}
