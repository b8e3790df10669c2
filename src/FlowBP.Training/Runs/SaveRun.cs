// A model as a folder of its own: with an adapter made part of its weights, or with weights between a base and an aligned model.

using FlowBP.Formats;
using FlowBP.Settings;
using FlowBP.Training.Devices;
using FlowBP.Training.Pipelines;

namespace FlowBP.Training.Runs;

/// <summary>Settings of <c>save</c>.</summary>
public sealed record SaveSettings
{
    /// <summary>What can be set.</summary>
    public static SettingTable<SaveSettings> Table { get; } = new(new());

    /// <summary>The model.</summary>
    [Settings]
    public ModelSettings Model { get; init; } = new();

    /// <summary>Output folder.</summary>
    [Setting("folder to create")]
    public string OutputDir { get; init; } = "outputs/model";
}

/// <summary>Writes a model in diffusers' layout.</summary>
/// <param name="settings">What is asked for.</param>
/// <param name="notice">Receives what the user should know but need not act upon.</param>
public sealed class SaveRun(SaveSettings settings, Action<string>? notice = null)
{
    /// <summary>Loads and writes.</summary>
    /// <exception cref="ConfigurationException">The settings don't go together.</exception>
    /// <exception cref="IOException">The output folder exists or cannot be written.</exception>
    /// <exception cref="CheckpointException">The model, its base or its adapter is missing or damaged, or they don't fit.</exception>
    public void Execute()
    {
        using var listening = LoadingNotices.To(notice);
        settings.Model.Check();
        EmptyFolder.Require(settings.OutputDir);
        using var device = ComputeDevice.Open(settings.Model.Device, notice);
        using var model = settings.Model.Open(device, [], notice);
        FolderEntries.Create(settings.OutputDir);
        model.Storage.Save(settings.OutputDir, notice);
    }
}
