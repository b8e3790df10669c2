// A network as a folder: its configuration, and its weights under the file names that diffusers and transformers look for.

namespace FlowBP.Formats;

/// <summary>Writes a network as a folder with <c>config.json</c> and weights.</summary>
public static class ModuleFolder
{
    private const string WeightsName = "diffusion_pytorch_model.safetensors";
    private const string TextWeightsName = "model.safetensors";

    /// <summary>Writes the velocity network or the autoencoder: configuration and weights.</summary>
    /// <param name="folder"><see cref="DiffusersFolder.Transformer"/> or <see cref="DiffusersFolder.Vae"/>.</param>
    /// <param name="config">Content of <c>config.json</c>.</param>
    /// <param name="module">The network.</param>
    /// <param name="dtype">Storage type of floating-point weights; each tensor's own if null.</param>
    /// <param name="maxShardBytes">The most bytes of weights in one file; more of them are sharded, with an index.</param>
    /// <param name="changes">As in <see cref="Checkpoint.Save"/>.</param>
    /// <exception cref="CheckpointException">A file cannot be written.</exception>
    public static void WriteNetwork(
        string folder,
        string config,
        nn.Module module,
        ScalarType? dtype = null,
        long maxShardBytes = Checkpoint.DefaultShardBytes,
        IReadOnlyDictionary<string, Func<Tensor>>? changes = null
    ) => WritePart(folder, config, module, WeightsName, dtype, maxShardBytes, changes);

    /// <summary>Writes a network as <see cref="WriteNetwork"/> does, of tensors that were copied from it.</summary>
    /// <param name="folder">As there.</param>
    /// <param name="config">Content of <c>config.json</c>.</param>
    /// <param name="tensors">Parameters and persistent buffers by name, in the module's order.</param>
    /// <exception cref="CheckpointException">A file cannot be written.</exception>
    public static void WriteCopiedNetwork(string folder, string config, IReadOnlyDictionary<string, Tensor> tensors)
    {
        Checkpoint.SaveTensors(tensors, Path.Combine(folder, WeightsName));
        AtomicFile.WriteText(Path.Combine(folder, "config.json"), config);
    }

    /// <summary>Writes a text encoder or a two-tower model: configuration and weights under transformers' file names.</summary>
    /// <param name="folder"><see cref="DiffusersFolder.TextEncoder"/>, or the folder of a reward.</param>
    /// <param name="config">Content of <c>config.json</c>.</param>
    /// <param name="module">The network.</param>
    /// <param name="dtype">Storage type of floating-point weights; each tensor's own if null.</param>
    /// <param name="maxShardBytes">The most bytes of weights in one file; more of them are sharded, with an index.</param>
    /// <exception cref="CheckpointException">A file cannot be written.</exception>
    public static void WriteTextEncoder(
        string folder,
        string config,
        nn.Module module,
        ScalarType? dtype = null,
        long maxShardBytes = Checkpoint.DefaultShardBytes
    ) => WritePart(folder, config, module, TextWeightsName, dtype, maxShardBytes);

    private static void WritePart(
        string folder,
        string config,
        nn.Module module,
        string weights,
        ScalarType? dtype,
        long maxShardBytes,
        IReadOnlyDictionary<string, Func<Tensor>>? changes = null
    )
    {
        Checkpoint.Save(module, Path.Combine(folder, weights), dtype, maxShardBytes, changes);
        AtomicFile.WriteText(Path.Combine(folder, "config.json"), config);
    }
}
