// Prompt embeddings computed once, so that training needs no text encoder in memory. Shards that are there and whole are kept:
// a stopped run goes on where it was, and one that has nothing left to do loads no encoder.

using FlowBP.Families;
using FlowBP.Formats;
using FlowBP.Models.Prompts;
using FlowBP.Training.Devices;
using FlowBP.Training.Pipelines;

namespace FlowBP.Training.Runs;

/// <summary>What a run came to.</summary>
/// <param name="Prompts">Prompts in the folder, the empty one included.</param>
/// <param name="Shards">Files in the folder.</param>
/// <param name="Kept">Files that were there and whole.</param>
/// <param name="Truncated">Prompts that an encoder did not see to their end, of those that were encoded.</param>
/// <param name="Shapes">Shape per prompt, by tensor.</param>
/// <param name="Bytes">Size of all files.</param>
public sealed record EmbedSummary(
    int Prompts,
    int Shards,
    int Kept,
    int Truncated,
    IReadOnlyDictionary<string, long[]> Shapes,
    long Bytes
);

/// <summary>Computes the embeddings of a file of prompts.</summary>
/// <param name="settings">What is asked for.</param>
/// <param name="report">Receives the number of prompts done and in all.</param>
/// <param name="notice">Receives what the user should know but need not act upon.</param>
public sealed class EmbedRun(EmbedSettings settings, Action<int, int> report, Action<string> notice)
{
    private const int QuotedCharacters = 60;

    private int truncated;
    private string firstTruncated = "";

    /// <summary>Encodes and writes.</summary>
    /// <exception cref="DeviceUnavailableException">A GPU was asked for, and can't be had.</exception>
    /// <exception cref="CheckpointException">
    /// The model is missing or damaged, or the output folder holds something else.
    /// </exception>
    /// <exception cref="SequenceLengthException">The encoders can't have the wanted length.</exception>
    public EmbedSummary Execute(CancellationToken cancellation = default)
    {
        using var listening = LoadingNotices.To(notice);
        var folder = settings.Output;
        PromptEmbeddingsWriter.RequireOwnFolder(folder);
        var prompts = Prompts();
        var model = new ModelSettings { Model = settings.Model }.Folder;
        var identity = PromptEncoders.IdentityOf(model, settings.MaxSequenceLength);
        report(0, prompts.Count);
        using var device = ComputeDevice.Open(settings.Device, notice);
        using var encoder = new Lazy(() => Load(model, identity, device));
        var writer = Begin(folder, prompts, identity, encoder);
        var manifest = writer.Manifest;
        var kept = 0;
        for (var shard = 0; shard < manifest.ShardCount; shard++)
        {
            cancellation.ThrowIfCancellationRequested();
            var first = shard * manifest.ShardSize;
            var count = Math.Min(manifest.ShardSize, prompts.Count - first);
            if (writer.IsFinished(shard, out var problem))
            {
                kept++;
            }
            else
            {
                if (problem is not null)
                {
                    notice($"computed again: {problem}");
                }
                Compute(
                    writer,
                    shard,
                    [.. prompts.Skip(first).Take(count)],
                    encoder.Value,
                    first,
                    prompts.Count,
                    cancellation
                );
            }
            report(first + count, prompts.Count);
        }
        if (truncated > 0)
        {
            notice($"{truncated} of {prompts.Count} prompts are truncated, the first is {firstTruncated}");
        }
        return new EmbedSummary(
            prompts.Count,
            manifest.ShardCount,
            kept,
            truncated,
            manifest.Shapes,
            Enumerable
                .Range(0, manifest.ShardCount)
                .Sum(i => new FileInfo(Path.Combine(folder, EmbeddingsManifest.ShardName(i))).Length)
        );
    }

    // The shapes are those of a folder that is gone on with, or else those of the first prompt, which is encoded to see them.
    private PromptEmbeddingsWriter Begin(
        string folder,
        IReadOnlyList<string> prompts,
        EncoderIdentity identity,
        Lazy encoder
    )
    {
        var shapes = File.Exists(Path.Combine(folder, EmbeddingsManifest.FileName))
            ? EmbeddingsManifest.Read(folder).Shapes
            : ShapesOf(encoder.Value);
        return new PromptEmbeddingsWriter(
            folder,
            new EmbeddingsManifest(
                identity,
                settings.StoredType,
                shapes,
                settings.ShardSize,
                [.. prompts.Select(EncoderIdentity.PromptHash)]
            )
        );
    }

    private static Dictionary<string, long[]> ShapesOf(IPromptSource encoder)
    {
        using var scope = torch.NewDisposeScope();
        return encoder.Encode([""]).ToDictionary(pair => pair.Key, pair => pair.Value.shape[1..]);
    }

    private void Compute(
        PromptEmbeddingsWriter writer,
        int shard,
        IReadOnlyList<string> prompts,
        IPromptSource encoder,
        int done,
        int total,
        CancellationToken cancellation
    )
    {
        using var scope = torch.NewDisposeScope();
        var type = settings.Type;
        var parts = writer.Manifest.Shapes.Keys.ToDictionary(name => name, _ => new List<Tensor>());
        foreach (var batch in prompts.Chunk(settings.BatchSize))
        {
            cancellation.ThrowIfCancellationRequested();
            foreach (var prompt in batch)
            {
                Note(prompt, encoder);
            }
            using var batchScope = torch.NewDisposeScope();
            foreach (var (name, tensor) in encoder.Encode(batch))
            {
                parts[name].Add(tensor.to_type(type).cpu().MoveToOuterDisposeScope());
            }
            done += batch.Length;
            report(done, total);
        }
        writer.Write(shard, parts.ToDictionary(pair => pair.Key, pair => torch.cat(pair.Value, 0)));
    }

    private void Note(string prompt, IPromptSource encoder)
    {
        Truncation[] truncations = [.. encoder.Truncations(prompt)];
        if (truncations.Length > 0 && ++truncated == 1)
        {
            var quoted = prompt.Length > QuotedCharacters ? prompt[..QuotedCharacters] + "…" : prompt;
            firstTruncated = $"'{quoted}': {string.Join(", ", truncations)}";
        }
    }

    private IPromptSource Load(string model, EncoderIdentity identity, ComputeDevice device)
    {
        var encoder = PromptEncoders.FromFolder(model, identity.MaxSequenceLength, settings.Type);
        encoder.To(device.Device);
        return encoder;
    }

    // Without repetition, the empty prompt first: guidance needs it whatever the file says.
    private IReadOnlyList<string> Prompts() =>
        [
            .. PromptFile
                .Read(
                    EmbeddedAssets.Resolve(settings.Prompts, () => EmbeddedAssets.TrainingPrompts),
                    settings.CaptionKey
                )
                .Prepend("")
                .Distinct(StringComparer.Ordinal),
        ];

    // An encoder that is loaded when it is first needed.
    private sealed class Lazy(Func<IPromptSource> load) : IDisposable
    {
        private IPromptSource? loaded;

        public IPromptSource Value => loaded ??= load();

        public void Dispose() => loaded?.Dispose();
    }
}
