// Pictures from a model, without judges: one file each, and a labelled grid of all.

using FlowBP.Formats;
using FlowBP.Pictures;
using FlowBP.RandomStreams;
using FlowBP.Training.Devices;
using FlowBP.Training.Evaluation;
using FlowBP.Training.Pipelines;

namespace FlowBP.Training.Runs;

/// <summary>Draws pictures of prompts.</summary>
/// <param name="settings">What is asked for.</param>
/// <param name="report">Receives the number of pictures done and in all.</param>
/// <param name="notice">Receives what the user should know but need not act upon.</param>
public sealed class SampleRun(SampleSettings settings, Action<int, int> report, Action<string>? notice = null)
{
    /// <summary>Draws and writes.</summary>
    /// <returns>The path of the grid; null if it could not be drawn, which was said.</returns>
    /// <exception cref="ConfigurationException">The settings don't go together, or the model does not have what they ask for.</exception>
    /// <exception cref="DeviceUnavailableException">A GPU was asked for, and can't be had.</exception>
    /// <exception cref="IOException">The output folder exists or cannot be written.</exception>
    /// <exception cref="CheckpointException">The model is missing or damaged.</exception>
    /// <exception cref="Surrogates.NonFiniteException">A picture is not finite; those before it are written.</exception>
    /// <exception cref="PicturesUnavailableException">Pictures can't be written on this machine.</exception>
    public string? Execute(CancellationToken cancellation = default)
    {
        using var listening = LoadingNotices.To(notice);
        settings.Model.Check();
        var prompts = settings.ReadPrompts();
        var folder = settings.OutputDir;
        EmptyFolder.Require(folder);
        // Pictures are all that is made here: whether they can be written is asked before a model is loaded.
        PictureFile.RequireLibrary();
        var extension = settings.PictureFormat.Extension();
        using var device = ComputeDevice.Open(settings.Model.Device, notice);
        using var model = settings.Model.Open(device, prompts, notice);
        FolderEntries.Create(folder);
        var (height, width) = model.PictureSize;
        var columns = settings.NumImagesPerPrompt;
        var batch = PictureBatch.Of(height, width);
        List<IReadOnlyList<ImageGridCell?>> rows = [];
        for (var p = 0; p < prompts.Count; p++)
        {
            var cells = new List<ImageGridCell>();
            foreach (var part in Enumerable.Range(0, columns).Chunk(batch))
            {
                cancellation.ThrowIfCancellationRequested();
                foreach (var planes in Draw(model, prompts[p], p, part[0], part.Length))
                {
                    Save(
                        Path.Combine(folder, $"{p:D4}-{cells.Count:D2}{extension}"),
                        RgbImage.FromPlanes(planes, width, height)
                    );
                    cells.Add(new(planes) { Caption = cells.Count == 0 ? prompts[p] : "" });
                }
                report(p * columns + cells.Count, prompts.Count * columns);
            }
            rows.Add(cells);
        }
        return WriteGrid(
            folder,
            extension,
            new ImageGrid
            {
                Title = "samples",
                Rows = rows,
                Height = height,
                Width = width,
            }
        );
    }

    private string? WriteGrid(string folder, string extension, ImageGrid grid)
    {
        var path = Path.Combine(folder, "grid" + extension);
        try
        {
            if (new GridWriter(notice).Encode(grid, path) is not { } file)
            {
                return null;
            }
            AtomicFile.Write(path, stream => stream.Write(file));
            return path;
        }
        // All pictures in one may be larger than a file of the format can be.
        catch (ArgumentException e) when (extension != ".png")
        {
            notice?.Invoke($"all pictures in one are in grid.png: {e.Message}");
            return WriteGrid(folder, ".png", grid);
        }
    }

    // Each picture has noise of its own, whatever it is painted with.
    private List<float[]> Draw(TextToImage model, string prompt, int number, int first, int count)
    {
        using var scope = torch.NewDisposeScope();
        string[] prompts = [.. Enumerable.Repeat(prompt, count)];
        using var conditioning = model.Painter.Encode(prompts);
        using var noise_BCYX = Noise.Of(
            model.LatentShape,
            count,
            (ulong)settings.Model.Seed,
            number,
            first,
            RandomPurpose.InitialNoise
        );
        using var image_BCYX = model
            .Painter.Paint(noise_BCYX, conditioning, settings.Model.SamplingSteps, prompts)
            .cpu();
        return [.. Enumerable.Range(0, count).Select(b => image_BCYX[b].contiguous().data<float>().ToArray())];
    }

    private static void Save(string path, RgbImage image) =>
        AtomicFile.Write(path, stream => stream.Write(PictureFile.Encode(image, PictureFormats.Of(path))));
}
