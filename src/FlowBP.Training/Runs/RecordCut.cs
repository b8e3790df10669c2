// A run that goes on from a checkpoint does again what came after it, and records it again. What was recorded of that is cut off first,
// each file by one rename, so that being killed here costs nothing: the next attempt cuts what is left.

using System.Globalization;
using System.Text.Json;
using FlowBP.Formats;
using FlowBP.Training.Checkpoints;

namespace FlowBP.Training.Runs;

/// <summary>Takes what is later than a checkpoint out of a run's folder.</summary>
internal static class RecordCut
{
    /// <summary>Cuts.</summary>
    /// <param name="root">The run's folder.</param>
    /// <param name="from">The checkpoint's manifest.</param>
    /// <exception cref="CheckpointException">A record can't be read or written.</exception>
    /// <exception cref="IOException">A picture can't be deleted.</exception>
    public static void After(string root, CheckpointManifest from)
    {
        Lines(Path.Combine(root, RunRecords.MetricsName), step => step <= from.Step);
        // A checkpoint is made before what else is due at its step.
        Lines(Path.Combine(root, RunRecords.EvaluationsName), step => step < from.Step);
        Lines(Path.Combine(root, RunRecords.HackingName), step => step <= (from.Alarm?.Heard ?? -1));
        Pictures(Path.Combine(root, "samples"), from.Step);
        // It sums up a run that is complete.
        File.Delete(Path.Combine(root, RunRecords.SummaryName));
    }

    private static void Lines(string file, Func<int, bool> stays)
    {
        if (!File.Exists(file))
        {
            return;
        }
        var lines = CheckpointException.Guard(file, () => File.ReadAllLines(file));
        // The last line may be half of one.
        var last = Array.FindLastIndex(lines, line => StepOf(line) is { } step && stays(step));
        var kept = lines[..(last + 1)];
        if (Array.FindIndex(kept, line => StepOf(line) is null) is >= 0 and var strange)
        {
            throw CheckpointException.ForFile(
                file,
                $"line {strange + 1} is no record of a step, which a run that goes on reads again: take it out"
            );
        }
        if (kept.Length < lines.Length)
        {
            AtomicFile.WriteText(file, string.Concat(kept.Select(line => line + "\n")));
        }
    }

    private static int? StepOf(string line)
    {
        // Without an exception for each of the thousands of lines that a damaged file may have.
        if (line is not ['{', .., '}'])
        {
            return null;
        }
        try
        {
            using var json = JsonDocument.Parse(line);
            return
                json.RootElement.ValueKind == JsonValueKind.Object
                && json.RootElement.TryGetProperty("step", out var step)
                && step.ValueKind == JsonValueKind.Number
                && step.TryGetInt32(out var number)
                ? number
                : null;
        }
        catch (JsonException)
        {
            return null;
        }
    }

    private static void Pictures(string folder, int last)
    {
        if (!Directory.Exists(folder))
        {
            return;
        }
        foreach (var file in Directory.EnumerateFiles(folder, "step-*.png"))
        {
            var name = Path.GetFileNameWithoutExtension(file)["step-".Length..];
            if (int.TryParse(name, NumberStyles.None, CultureInfo.InvariantCulture, out var step) && step > last)
            {
                File.Delete(file);
            }
        }
        File.Delete(Path.Combine(folder, "before-after.png"));
    }
}
