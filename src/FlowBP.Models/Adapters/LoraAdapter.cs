// Training a model through a small change of it: its own weights are frozen, and every linear layer that is asked for gets a
// change of low rank, which is all that an optimizer sees. A 12-billion-parameter model then needs optimizer state for a few
// million numbers. The model object stays the one that everybody holds: the change is hooked onto its layers' calls.

using FlowBP.Formats;
using FlowBP.Settings;

namespace FlowBP.Models.Adapters;

/// <summary>Low-rank changes of a model's linear layers.</summary>
/// <example>
/// <code>
/// using LoraAdapter adapter = LoraAdapter.Attach(transformer, new LoraConfig { Rank = 16, Alpha = 16 }, seed: 42);
/// Train(transformer, adapter.named_parameters());
/// adapter.Save(folder);      // pytorch_lora_weights.safetensors
/// </code>
/// </example>
public sealed class LoraAdapter : IDisposable
{
    private readonly List<Action> removers = [];
    private readonly List<Parameter> frozen = [];
    private readonly List<LoraLayer> layers = [];

    private LoraAdapter(LoraConfig config) => Config = config;

    /// <summary>The settings.</summary>
    public LoraConfig Config { get; }

    /// <summary>The changed layers, in the model's order.</summary>
    public IReadOnlyList<LoraLayer> Layers => layers;

    /// <summary>Whether calls of the model take the change; without it the model is as it was.</summary>
    public bool Enabled { get; set; } = true;

    /// <summary>Adds new, trainable changes to a model and freezes the model's own parameters.</summary>
    /// <param name="model">Any model of linear layers; its parameters' names and values stay as they are.</param>
    /// <param name="config">Rank, alpha and targets.</param>
    /// <param name="seed">Seed of the first factors; the model's results are unchanged at first.</param>
    /// <exception cref="InvalidSettingException">A setting means nothing, or a target names no linear layer of the model.</exception>
    public static LoraAdapter Attach(nn.Module model, LoraConfig config, ulong seed)
    {
        config.Check();
        (string Path, Linear Layer)[] found =
        [
            .. LinearLayers(model).Where(item => config.TargetOf(item.Path) is not null),
        ];
        foreach (var target in config.TargetModules)
        {
            if (!found.Any(item => (config with { TargetModules = [target] }).TargetOf(item.Path) is not null))
            {
                var known = string.Join(", ", LinearLayers(model).Select(item => LastPart(item.Path)).Distinct());
                throw new InvalidSettingException(
                    $"lora target '{target}': {model.GetName()} has no such linear layer; it has {known}"
                );
            }
        }
        var adapter = new LoraAdapter(config);
        try
        {
            foreach ((var path, var layer) in found)
            {
                var change = adapter.Add(path, layer, config.Rank, config.Alpha, config.Scaling);
                change.Initialize(seed);
            }
        }
        catch
        {
            adapter.Dispose();
            throw;
        }
        adapter.Freeze(model);
        return adapter;
    }

    /// <summary>Adds the changes of a file to a model, trainable, and freezes the model's own parameters.</summary>
    /// <param name="model">The model that the file was trained on, or one of its shape.</param>
    /// <param name="path">
    /// A file of any trainer's names (diffusers, PEFT, sd-scripts, ComfyUI, the family's original ones), or the folder it lies in.
    /// </param>
    /// <param name="prefix">The model's part in a pipeline, which names begin with.</param>
    /// <param name="scale">What the strength of every layer is multiplied with.</param>
    /// <exception cref="CheckpointException">The file is missing or damaged, or does not fit the model.</exception>
    public static LoraAdapter Load(
        nn.Module model,
        string path,
        string prefix = LoraFile.TransformerPrefix,
        double scale = 1
    )
    {
        var known = LinearLayers(model).ToDictionary(item => item.Path, item => item.Layer);
        using var file = LoraFile.Open(path, model, known, prefix);
        var adapter = new LoraAdapter(file.Config);
        try
        {
            foreach (var entry in file.Entries)
            {
                var layer = adapter.Add(entry.Path, known[entry.Path], entry.Rank, entry.Alpha, entry.Scaling * scale);
                file.CopyInto(entry, layer);
            }
        }
        catch
        {
            adapter.Dispose();
            throw;
        }
        adapter.Freeze(model);
        return adapter;
    }

    /// <summary>The trainable parameters, all of them: two factors per layer, by path.</summary>
    public IEnumerable<(string name, Parameter parameter)> named_parameters() =>
        layers.SelectMany(layer => layer.named_parameters().Select(p => ($"{layer.Path}.{p.name}", p.parameter)));

    /// <summary>The trainable parameters, all of them.</summary>
    public IEnumerable<Parameter> parameters() => named_parameters().Select(p => p.parameter);

    /// <summary>
    /// By name of the model's weight, what it would be with the change made part of it: to store a model that stays as it is.
    /// </summary>
    public IReadOnlyDictionary<string, Func<Tensor>> MergedWeights =>
        layers.ToDictionary(layer => $"{layer.Path}.weight", layer => (Func<Tensor>)layer.MergedWeight);

    /// <summary>Writes <c>pytorch_lora_weights.safetensors</c>, which diffusers' <c>load_lora_weights</c> reads.</summary>
    /// <param name="folder">The folder; created where necessary.</param>
    /// <param name="prefix">The model's part in a pipeline.</param>
    /// <param name="dtype">Storage type; Float32 if null.</param>
    /// <exception cref="CheckpointException">The file cannot be written.</exception>
    public void Save(string folder, string prefix = LoraFile.TransformerPrefix, ScalarType? dtype = null) =>
        LoraFile.Write(Path.Combine(folder, LoraFile.Name), prefix, Config, layers, dtype);

    /// <summary>Writes the same file of factors that were copied before.</summary>
    /// <param name="folder">The folder; created where necessary.</param>
    /// <param name="copies">Float32 copies of <see cref="named_parameters"/>, by name.</param>
    /// <exception cref="CheckpointException">The file cannot be written.</exception>
    public void SaveCopies(string folder, IReadOnlyDictionary<string, Tensor> copies) =>
        LoraFile.Write(
            Path.Combine(folder, LoraFile.Name),
            LoraFile.TransformerPrefix,
            Config,
            layers,
            dtype: null,
            copies
        );

    /// <summary>Takes the change off the model, whose parameters train again as far as they did before.</summary>
    public void Detach()
    {
        foreach (var remove in removers)
        {
            remove();
        }
        removers.Clear();
        foreach (var parameter in frozen)
        {
            parameter.requires_grad = true;
        }
        frozen.Clear();
    }

    /// <summary>Detaches, and disposes the factors.</summary>
    public void Dispose()
    {
        Detach();
        foreach (var layer in layers)
        {
            layer.Dispose();
        }
        layers.Clear();
    }

    private LoraLayer Add(string path, Linear layer, int rank, double alpha, double scaling)
    {
        var change = new LoraLayer(path, layer, rank, alpha, scaling);
        layers.Add(change);
        var remover = layer.register_forward_hook(
            (_, input, result) => Enabled ? change.Changed(input, result) : result
        );
        removers.Add(remover.remove);
        return change;
    }

    private void Freeze(nn.Module model)
    {
        foreach (var parameter in model.parameters().Where(parameter => parameter.requires_grad))
        {
            parameter.requires_grad = false;
            frozen.Add(parameter);
        }
    }

    private static IEnumerable<(string Path, Linear Layer)> LinearLayers(nn.Module model) =>
        model.named_modules().Where(item => item.module is Linear).Select(item => (item.name, (Linear)item.module));

    // to_q of transformer_blocks.0.attn.to_q, to_out.0 of transformer_blocks.0.attn.to_out.0.
    private static string LastPart(string path)
    {
        var parts = path.Split('.');
        var first = parts.Length - 1;
        while (first > 0 && int.TryParse(parts[first], out _))
        {
            first--;
        }
        return string.Join('.', parts[first..]);
    }
}
