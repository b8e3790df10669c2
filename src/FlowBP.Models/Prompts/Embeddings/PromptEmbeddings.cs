// Prompt embeddings that were computed before, read where prompts would otherwise be encoded. Everything that could make them
// the wrong ones is asked for by name before training starts; every prompt's bytes are compared with their digest when
// they are read first.

using System.Collections.Concurrent;
using FlowBP.Formats;

namespace FlowBP.Models.Prompts;

/// <summary>An open folder of prompt embeddings.</summary>
/// <example>
/// <code>
/// using var embeddings = PromptEmbeddings.Open(folder);
/// embeddings.RequireEncoder(EncoderIdentity.Of(new DiffusersFolder(modelFolder), encoders));
/// embeddings.RequirePrompts([.. prompts, ""]);
/// var tensors = embeddings.Load(batch, ScalarType.Float32, device);   // ["prompt_embeds"] [B, L, D] …
/// </code>
/// </example>
public sealed class PromptEmbeddings : IDisposable
{
    private readonly string folder;
    private readonly Dictionary<string, int> places;
    private readonly ConcurrentDictionary<int, Lazy<EmbeddingShard>> shards = new();

    private PromptEmbeddings(string folder, EmbeddingsManifest manifest)
    {
        this.folder = folder;
        Manifest = manifest;
        places = manifest.Prompts.Select((hash, i) => (hash, i)).ToDictionary(pair => pair.hash, pair => pair.i);
    }

    /// <summary>What the folder holds.</summary>
    public EmbeddingsManifest Manifest { get; }

    /// <summary>Opens a folder that <c>flowbp embed</c> wrote; shards are opened when they are needed.</summary>
    /// <param name="folder">The folder.</param>
    /// <exception cref="CheckpointException">Its table of contents is missing or damaged.</exception>
    public static PromptEmbeddings Open(string folder) => new(folder, EmbeddingsManifest.Read(folder));

    /// <summary>Refuses embeddings of other encoders or of another length.</summary>
    /// <param name="expected">What the model would encode with, from <see cref="EncoderIdentity.Of"/>.</param>
    /// <exception cref="CheckpointException">Names what differs.</exception>
    public void RequireEncoder(EncoderIdentity expected)
    {
        if (Manifest.Encoder.Difference(expected) is { } difference)
        {
            throw CheckpointException.ForFile(
                folder,
                $"does not belong to this model: {difference}; run flowbp embed with this model and another --output"
            );
        }
    }

    /// <summary>Refuses embeddings whose widths are not the transformer's; for models without text encoders on disk.</summary>
    /// <param name="textWidth">Width of the text sequence.</param>
    /// <param name="pooledWidth">Width of the pooled text; null if the model has none.</param>
    /// <exception cref="CheckpointException">Names the tensor that differs.</exception>
    public void RequireWidths(int textWidth, int? pooledWidth)
    {
        foreach (
            var (name, expected) in new[] { (PromptTensors.Text, (int?)textWidth), (PromptTensors.Pooled, pooledWidth) }
        )
        {
            long? found = Manifest.Shapes.TryGetValue(name, out var shape) ? shape[^1] : null;
            if (found != expected)
            {
                throw CheckpointException.ForTensor(
                    folder,
                    name,
                    found is null ? "none" : $"width {found}",
                    expected is null ? "none" : $"width {expected}, which the transformer takes"
                );
            }
        }
    }

    /// <summary>Refuses to begin without a prompt's embedding; also opens every shard that is needed.</summary>
    /// <param name="prompts">All prompts that will be asked for, the negative one included.</param>
    /// <exception cref="CheckpointException">Names the first missing prompt and how many more there are.</exception>
    public void RequirePrompts(IEnumerable<string> prompts)
    {
        string[] missing = [.. prompts.Distinct(StringComparer.Ordinal).Where(prompt => !Contains(prompt))];
        if (missing.Length > 0)
        {
            var more = missing.Length > 1 ? $" and {missing.Length - 1} more" : "";
            throw CheckpointException.ForFile(
                folder,
                $"found no embedding of '{missing[0]}'{more}; run flowbp embed with a file of all prompts"
            );
        }
        for (var shard = 0; shard < Manifest.ShardCount; shard++)
        {
            Shard(shard);
        }
    }

    /// <summary>Whether there is an embedding of a prompt.</summary>
    public bool Contains(string prompt) => places.ContainsKey(EncoderIdentity.PromptHash(prompt));

    /// <summary>Embeddings of prompts, each verified.</summary>
    /// <param name="prompts">The prompts, in the order of the result; they may repeat.</param>
    /// <param name="dtype">Type of the result; the stored one if null.</param>
    /// <param name="device">Where to put it; the CPU if null.</param>
    /// <returns>Tensors by <see cref="PromptTensors"/> names, [prompts, …]; the caller's to dispose.</returns>
    /// <exception cref="CheckpointException">A prompt has no embedding, or its shard is missing or damaged.</exception>
    public IReadOnlyDictionary<string, Tensor> Load(
        IReadOnlyList<string> prompts,
        ScalarType? dtype = null,
        Device? device = null
    )
    {
        using var scope = torch.NewDisposeScope();
        (EmbeddingShard Shard, int Row)[] rows = [.. prompts.Select(Find)];
        foreach (var (shard, row) in rows.Distinct())
        {
            shard.Verify(row);
        }
        var result = new Dictionary<string, Tensor>();
        foreach (var name in Manifest.Shapes.Keys)
        {
            var stacked = torch.stack(rows.Select(place => place.Shard.Load(name, place.Row)));
            stacked = device is null ? stacked : stacked.to(device);
            result[name] = (dtype is { } type ? stacked.to_type(type) : stacked).MoveToOuterDisposeScope();
        }
        return result;
    }

    /// <summary>Unmaps all shards.</summary>
    public void Dispose()
    {
        foreach (var shard in shards.Values.Where(shard => shard.IsValueCreated))
        {
            shard.Value.Dispose();
        }
        shards.Clear();
    }

    private (EmbeddingShard, int) Find(string prompt)
    {
        if (!places.TryGetValue(EncoderIdentity.PromptHash(prompt), out var place))
        {
            RequirePrompts([prompt]);
        }
        return (Shard(place / Manifest.ShardSize), place % Manifest.ShardSize);
    }

    // A shard that could not be opened is tried again the next time.
    private EmbeddingShard Shard(int number)
    {
        var shard = shards.GetOrAdd(
            number,
            n => new Lazy<EmbeddingShard>(
                () => EmbeddingShard.Open(folder, n, Manifest),
                LazyThreadSafetyMode.ExecutionAndPublication
            )
        );
        try
        {
            return shard.Value;
        }
        catch
        {
            shards.TryRemove(number, out _);
            throw;
        }
    }
}
