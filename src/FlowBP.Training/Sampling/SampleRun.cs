// Pictures from a model, without judges: one PNG each, and a labelled grid of all.

using FlowBP.Kernels;
using FlowBP.Models.Formats;
using FlowBP.Shapes.Pictures;
using FlowBP.Surrogates;
using FlowBP.Training.Alignment;
using FlowBP.Training.Pipelines;

namespace FlowBP.Training.Sampling;

/// <summary>Draws pictures of prompts.</summary>
/// <param name="settings">Values of <see cref="SampleSettings.All"/>.</param>
/// <param name="report">Receives the number of pictures done and in all.</param>
/// <param name="notice">Receives what the user should know but need not act upon.</param>
public sealed class SampleRun(SettingValues settings, Action<int, int> report, Action<string>? notice = null)
{
    private const int GridScaleTo = 192;

    /// <summary>Draws and writes; returns the path of the grid.</summary>
    /// <exception cref="DeviceUnavailableException">A GPU was asked for, and can't be had.</exception>
    /// <exception cref="IOException">The output folder exists or cannot be written.</exception>
    /// <exception cref="CheckpointException">The model is missing or damaged.</exception>
    public string Execute(CancellationToken cancellation = default)
    {
        var prompts = Prompts();
        var folder = settings.Get(SampleSettings.OutputDir);
        OutputFolder.RequireEmpty(folder);
        using var device = ComputeDevice.Open(settings.Get(AlignmentSettings.Device), notice);
        using var model = new TextToImage(
            EmbeddedAssets.Resolve(settings.Get(AlignmentSettings.Model), () => EmbeddedAssets.Model),
            settings.Get(AlignmentSettings.CfgGuidance),
            workers: settings.Get(AlignmentSettings.CpuWorkers),
            device: device
        );
        Directory.CreateDirectory(folder);
        var columns = settings.Get(SampleSettings.ImagesPerPrompt);
        List<IReadOnlyList<ImageGridCell?>> rows = [];
        var side = 0;
        for (var p = 0; p < prompts.Count; p++)
        {
            cancellation.ThrowIfCancellationRequested();
            using var scope = torch.NewDisposeScope();
            var image_BCYX = Draw(model, prompts[p], p, columns);
            side = (int)image_BCYX.size(3);
            var planes = image_BCYX.cpu().data<float>().ToArray();
            var length = 3 * side * side;
            ImageGridCell[] cells =
            [
                .. Enumerable
                    .Range(0, columns)
                    .Select(c => new ImageGridCell(planes.AsMemory(c * length, length))
                    {
                        Caption = c == 0 ? prompts[p] : "",
                    }),
            ];
            for (var c = 0; c < columns; c++)
            {
                var picture = new RgbImage(side, side);
                picture.DrawPlanes(cells[c].Planes.Span, side, 0, 0, 1);
                Save(Path.Combine(folder, $"{p:D4}-{c:D2}.png"), picture);
            }
            rows.Add(cells);
            report((p + 1) * columns, prompts.Count * columns);
        }
        var grid = Path.Combine(folder, "grid.png");
        Save(
            grid,
            new ImageGrid
            {
                Title = "samples",
                Rows = rows,
                Side = side,
                Scale = Math.Max(1, GridScaleTo / side),
            }.Draw()
        );
        return grid;
    }

    private Tensor Draw(TextToImage model, string prompt, int number, int count)
    {
        using var conditioning = model.Encode([.. Enumerable.Repeat(prompt, count)]);
        using var noise_BCYX = Noise.Of(
            model.LatentShape,
            count,
            (ulong)settings.Get(AlignmentSettings.Seed),
            number,
            0,
            RandomPurpose.InitialNoise
        );
        return model.Decode(model.Sample(noise_BCYX, conditioning, settings.Get(AlignmentSettings.SamplingSteps)));
    }

    private IReadOnlyList<string> Prompts()
    {
        if (settings.Get(SampleSettings.Prompt) is var prompt && prompt != "none")
        {
            return [prompt];
        }
        return AlignmentRun.Thinned(
            PromptFile.Read(
                EmbeddedAssets.Resolve(settings.Get(SampleSettings.Prompts), () => EmbeddedAssets.HeldOutPrompts)
            ),
            settings.Get(SampleSettings.PromptsLimit)
        );
    }

    private static void Save(string path, RgbImage image) =>
        AtomicFile.Write(path, stream => stream.Write(Png.Encode(image)));
}
