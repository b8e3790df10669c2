// One file of embeddings: for each tensor all prompts of the shard along its first dimension. Its metadata names what made it,
// the prompts, and a digest of every prompt's bytes, so that a shard proves by itself that it is whole and the right one.

using System.Security.Cryptography;
using FlowBP.Formats;

namespace FlowBP.Models.Prompts;

/// <summary>An open shard.</summary>
internal sealed class EmbeddingShard : IDisposable
{
    private const int CopyBytes = 1 << 16;

    private readonly SafetensorsFile file;
    private readonly string[] digests;
    private readonly EmbeddingsManifest manifest;

    // Hashing takes longer than copying, and training reads a prompt once per epoch.
    private readonly bool[] verified;

    private EmbeddingShard(SafetensorsFile file, string[] digests, EmbeddingsManifest manifest)
    {
        this.file = file;
        this.digests = digests;
        this.manifest = manifest;
        verified = new bool[digests.Length];
    }

    /// <summary>Number of prompts.</summary>
    public int Count => digests.Length;

    /// <summary>Writes a shard.</summary>
    /// <param name="folder">The folder of embeddings.</param>
    /// <param name="shard">Its number.</param>
    /// <param name="manifest">What the folder holds.</param>
    /// <param name="tensors">All prompts of the shard, by tensor, [prompts, …].</param>
    /// <exception cref="CheckpointException">The file can't be written.</exception>
    public static void Write(
        string folder,
        int shard,
        EmbeddingsManifest manifest,
        IReadOnlyDictionary<string, Tensor> tensors
    )
    {
        using var scope = torch.NewDisposeScope();
        using var noGrad = torch.no_grad();
        var stored = tensors.ToDictionary(
            pair => pair.Key,
            pair => pair.Value.cpu().to_type(manifest.Type.ToScalarType()).contiguous()
        );
        var prompts = manifest.PromptsOf(shard);
        var rows = new string[prompts.Count];
        for (var row = 0; row < rows.Length; row++)
        {
            using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
            foreach (var name in manifest.Shapes.Keys.Order(StringComparer.Ordinal))
            {
                TensorBytes.Take(stored[name].select(0, row), hash.AppendData);
            }
            rows[row] = Convert.ToHexStringLower(hash.GetHashAndReset());
        }
        SafetensorsWriter.Write(
            Path.Combine(folder, EmbeddingsManifest.ShardName(shard)),
            stored,
            new Dictionary<string, string>
            {
                ["format"] = "pt",
                ["flowbp"] = EmbeddingsManifest.Format,
                ["encoder_sha256"] = manifest.Encoder.Hash(),
                ["prompts_sha256"] = string.Join(' ', prompts),
                ["rows_sha256"] = string.Join(' ', rows),
            }
        );
    }

    /// <summary>Opens a shard and checks that it is the one that the manifest describes; its data are not read.</summary>
    /// <param name="folder">The folder of embeddings.</param>
    /// <param name="shard">Its number.</param>
    /// <param name="manifest">What the folder holds.</param>
    /// <exception cref="CheckpointException">It is missing, damaged, or another one.</exception>
    public static EmbeddingShard Open(string folder, int shard, EmbeddingsManifest manifest)
    {
        var path = Path.Combine(folder, EmbeddingsManifest.ShardName(shard));
        var file = SafetensorsFile.Open(path);
        try
        {
            Require(file, "flowbp", EmbeddingsManifest.Format, "the format");
            Require(file, "encoder_sha256", manifest.Encoder.Hash(), "the encoder of the folder's table of contents");
            var prompts = manifest.PromptsOf(shard);
            Require(file, "prompts_sha256", string.Join(' ', prompts), "the prompts of the folder's table of contents");
            var digests = file.Metadata.GetValueOrDefault("rows_sha256", "").Split(' ');
            if (digests.Length != prompts.Count)
            {
                throw CheckpointException.ForFile(
                    path,
                    $"found digests of {digests.Length} prompts, expected {prompts.Count}"
                );
            }
            foreach (var (name, shape) in manifest.Shapes)
            {
                var entry = file.Entry(name);
                long[] expected = [prompts.Count, .. shape];
                if (entry.Type != manifest.Type || !entry.Shape.AsSpan().SequenceEqual(expected))
                {
                    throw CheckpointException.ForTensor(
                        path,
                        name,
                        $"{entry.Type} {CheckpointException.Shape(entry.Shape)}",
                        $"{manifest.Type} {CheckpointException.Shape(expected)}"
                    );
                }
            }
            return new EmbeddingShard(file, digests, manifest);
        }
        catch
        {
            file.Dispose();
            throw;
        }
    }

    /// <summary>Refuses a prompt whose bytes are not those that were written; each is looked at once.</summary>
    /// <param name="row">The prompt's place in the shard.</param>
    /// <exception cref="CheckpointException">The bytes have changed.</exception>
    public void Verify(int row)
    {
        if (verified[row])
        {
            return;
        }
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        var buffer = new byte[CopyBytes];
        foreach (var name in manifest.Shapes.Keys.Order(StringComparer.Ordinal))
        {
            var entry = file.Entry(name);
            var bytes = entry.Bytes / Count;
            for (long offset = 0; offset < bytes; offset += buffer.Length)
            {
                var piece = buffer.AsSpan(0, (int)Math.Min(buffer.Length, bytes - offset));
                file.CopyBytes(entry, row * bytes + offset, piece);
                hash.AppendData(piece);
            }
        }
        if (Convert.ToHexStringLower(hash.GetHashAndReset()) != digests[row])
        {
            throw CheckpointException.ForFile(
                file.Path,
                $"prompt {row} of the shard is not what was written: the file is damaged; delete it and run flowbp embed again"
            );
        }
        verified[row] = true;
    }

    /// <summary>One prompt's tensor, in the stored type, on the CPU.</summary>
    /// <param name="name">The tensor.</param>
    /// <param name="row">The prompt's place in the shard.</param>
    public Tensor Load(string name, int row)
    {
        var entry = file.Entry(name);
        var bytes = entry.Bytes / Count;
        var tensor = torch.empty(manifest.Shapes[name], dtype: entry.Type.ToScalarType());
        file.CopyBytes(entry, row * bytes, tensor.bytes);
        return tensor;
    }

    /// <summary>Unmaps the file.</summary>
    public void Dispose() => file.Dispose();

    private static void Require(SafetensorsFile file, string key, string expected, string what)
    {
        if (file.Metadata.GetValueOrDefault(key) != expected)
        {
            throw CheckpointException.ForFile(
                file.Path,
                $"is not a shard of this folder: it does not agree with {what}"
            );
        }
    }
}
