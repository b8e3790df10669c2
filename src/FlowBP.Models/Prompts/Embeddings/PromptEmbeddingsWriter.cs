// Writing embeddings shard by shard. The table of contents comes first; a shard appears whole or not at all; what is there
// already is kept if every byte of it is what was written. Nothing of other prompts or other encoders is ever replaced.

using FlowBP.Formats;

namespace FlowBP.Models.Prompts;

/// <summary>Fills a folder with prompt embeddings.</summary>
public sealed class PromptEmbeddingsWriter
{
    private readonly string folder;

    /// <summary>Begins a folder, or goes on with one.</summary>
    /// <param name="folder">New, empty, or written for the same encoders, type and shard size and no other prompts.</param>
    /// <param name="manifest">What the folder will hold.</param>
    /// <exception cref="CheckpointException">The folder holds something else: nothing is touched.</exception>
    public PromptEmbeddingsWriter(string folder, EmbeddingsManifest manifest)
    {
        this.folder = folder;
        Manifest = manifest;
        RequireOwnFolder(folder);
        RequireSame();
        manifest.Write(folder);
    }

    /// <summary>Refuses a folder that holds something else than prompt embeddings.</summary>
    /// <param name="folder">The folder.</param>
    /// <exception cref="CheckpointException">It does; nothing is touched.</exception>
    public static void RequireOwnFolder(string folder)
    {
        if (File.Exists(folder))
        {
            throw CheckpointException.ForFile(folder, "is a file; name a folder with --output");
        }
        var isUsed = Directory.Exists(folder) && Directory.EnumerateFileSystemEntries(folder).Any();
        if (isUsed && !File.Exists(Path.Combine(folder, EmbeddingsManifest.FileName)))
        {
            throw CheckpointException.ForFile(
                folder,
                "holds something else than prompt embeddings; name another --output"
            );
        }
    }

    /// <summary>What the folder will hold.</summary>
    public EmbeddingsManifest Manifest { get; }

    /// <summary>Whether a shard is there and every prompt in it verified.</summary>
    /// <param name="shard">From 0.</param>
    /// <param name="problem">Why a file that is there doesn't count; null if there is none.</param>
    public bool IsFinished(int shard, out string? problem)
    {
        problem = null;
        if (!File.Exists(Path.Combine(folder, EmbeddingsManifest.ShardName(shard))))
        {
            return false;
        }
        try
        {
            using var open = EmbeddingShard.Open(folder, shard, Manifest);
            for (var row = 0; row < open.Count; row++)
            {
                open.Verify(row);
            }
            return true;
        }
        catch (CheckpointException e)
        {
            problem = e.Message;
            return false;
        }
    }

    /// <summary>Writes a shard.</summary>
    /// <param name="shard">From 0.</param>
    /// <param name="tensors">All its prompts, by tensor, [prompts, …].</param>
    /// <exception cref="CheckpointException">
    /// The file can't be written, or a number is not finite, which a damaged encoder is the cause of.
    /// </exception>
    public void Write(int shard, IReadOnlyDictionary<string, Tensor> tensors)
    {
        foreach (var (name, tensor) in tensors)
        {
            using var scope = torch.NewDisposeScope();
            if (!tensor.isfinite().all().item<bool>())
            {
                throw new CheckpointException(
                    $"tensor '{name}' of shard {shard}: found a number that is not finite: the encoder's weights are damaged "
                        + "or its type is too narrow (try --dtype fp32)"
                );
            }
        }
        EmbeddingShard.Write(folder, shard, Manifest, tensors);
    }

    private void RequireSame()
    {
        if (!File.Exists(Path.Combine(folder, EmbeddingsManifest.FileName)))
        {
            return;
        }
        var old = EmbeddingsManifest.Read(folder);
        var difference =
            old.Encoder.Difference(Manifest.Encoder)
            ?? (old.Type != Manifest.Type ? $"found {old.Type}, expected {Manifest.Type} (dtype)" : null)
            ?? (
                old.ShardSize != Manifest.ShardSize
                    ? $"found shards of {old.ShardSize} prompts, expected {Manifest.ShardSize} (shard_size)"
                    : null
            )
            ?? (
                !old.Prompts.SequenceEqual(Manifest.Prompts.Take(old.Prompts.Count))
                    ? "found other prompts; new ones may only be added after those it has"
                    : null
            );
        if (difference is not null)
        {
            throw CheckpointException.ForFile(folder, $"holds other embeddings: {difference}; name another --output");
        }
    }
}
