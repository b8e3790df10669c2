using FlowBP.Training.Configuration;

namespace FlowBP.Cli.Output;

/// <summary>The presets, one per line, with what distinguishes them.</summary>
internal static class PresetList
{
    /// <summary>Writes the list.</summary>
    public static void Write(TextWriter to)
    {
        var column = Presets.All.Max(preset => preset.Name.Length) + 2;
        foreach (var preset in Presets.All)
        {
            to.WriteLine($"{preset.Name.PadRight(column)}{preset.Family.Title}, {preset.Method.Name}");
        }
        to.WriteLine();
        to.WriteLine("paper: as published; released: as the authors' configurations have it.");
        to.WriteLine("flowbp align --preset NAME --dry-run prints a preset's settings.");
    }
}
