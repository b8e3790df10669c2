// The layout in which text-to-image models are exchanged: one folder with a table of contents and one sub-folder per part.
// This class knows where things lie; what the table says is ModelIndex's business, what lies there the parts' own.

namespace FlowBP.Formats;

/// <summary>Where things lie in a model folder in diffusers' layout.</summary>
/// <param name="root">The folder with <c>model_index.json</c>.</param>
public sealed class DiffusersFolder(string root)
{
    private ModelIndex? contents;

    /// <summary>The folder itself.</summary>
    public string Root { get; } = root;

    /// <summary>Folder of the velocity network.</summary>
    public string Transformer => Path.Combine(Root, "transformer");

    /// <summary>Folder of the autoencoder.</summary>
    public string Vae => Path.Combine(Root, "vae");

    /// <summary>The file of the scheduler.</summary>
    public string SchedulerConfig => Path.Combine(Scheduler, "scheduler_config.json");

    /// <summary>Folder of the scheduler.</summary>
    public string Scheduler => Path.Combine(Root, "scheduler");

    /// <summary>Folder of a text encoder.</summary>
    /// <param name="number">1 for <c>text_encoder</c>, 2 for <c>text_encoder_2</c> …</param>
    public string TextEncoder(int number = 1) => Path.Combine(Root, Numbered("text_encoder", number));

    /// <summary>Folder of a tokenizer.</summary>
    /// <param name="number">1 for <c>tokenizer</c>, 2 for <c>tokenizer_2</c> …</param>
    public string Tokenizer(int number = 1) => Path.Combine(Root, Numbered("tokenizer", number));

    /// <summary>The file of the table of contents.</summary>
    public string Index => Path.Combine(Root, "model_index.json");

    /// <summary>The table of contents, read when it is first asked for.</summary>
    /// <exception cref="CheckpointException">The file is missing or damaged.</exception>
    public ModelIndex Contents => contents ??= ModelIndex.Read(this);

    private static string Numbered(string name, int number) => number == 1 ? name : $"{name}_{number}";
}
