// The stages of pretraining and the folder they leave behind: a diffusers model folder, two reward folders, the prompts.
// A stage that already left its folder is skipped, so an interrupted run goes on where it stopped.

using FlowBP.Models.Autoencoders;
using FlowBP.Models.Formats;
using FlowBP.Shapes;

namespace FlowBP.Training.Pretraining;

/// <summary>Trains the embedded model and its rewards, stage by stage.</summary>
/// <param name="recipe">Sizes, steps, rates, seed.</param>
/// <param name="folder">Where model/, reward/, heldout_reward/ and prompts/ go.</param>
/// <param name="report">Receives the progress.</param>
public sealed class Pretrainer(PretrainRecipe recipe, string folder, Action<PretrainingProgress> report)
{
    /// <summary>The stages, in order.</summary>
    public static IReadOnlyList<string> Stages { get; } = ["autoencoder", "flow", "reward", "heldout"];

    private string ModelFolder => Path.Combine(folder, "model");

    private string VaeFolder => Path.Combine(ModelFolder, "vae");

    /// <summary>Runs one stage, unless its folder is already there.</summary>
    /// <param name="stage">One of <see cref="Stages"/>.</param>
    /// <returns>Whether it ran.</returns>
    /// <exception cref="ArgumentException">There is no such stage.</exception>
    public bool Run(string stage)
    {
        var (target, run) = stage switch
        {
            "autoencoder" => (VaeFolder, (Action)RunAutoencoder),
            _ => throw new ArgumentException($"no stage '{stage}' (there are: {string.Join(", ", Stages)})"),
        };
        if (File.Exists(Path.Combine(target, "config.json")))
        {
            return false;
        }
        run();
        return true;
    }

    private void RunAutoencoder()
    {
        using var model = AutoencoderPretraining.Run(recipe, report);
        Save(model, VaeFolder, "diffusion_pytorch_model.safetensors", model.Config.ToJson());
    }

    // Weights first, config.json last: its presence says that the folder is complete.
    private static void Save(nn.Module module, string target, string weights, string config)
    {
        Directory.CreateDirectory(target);
        Checkpoint.Save(module, Path.Combine(target, weights), ScalarType.Float16);
        AtomicFile.WriteText(Path.Combine(target, "config.json"), config);
    }
}
