// An adapter goes on where it was: its file says which layers it changes, by which rank and how strongly. Settings may repeat
// that, so that a run's own config.yaml can be used again, and may not contradict it.

using System.Globalization;
using FlowBP.Formats;
using FlowBP.Models.Adapters;

namespace FlowBP.Training.Pipelines;

/// <summary>A low-rank adapter on disk.</summary>
/// <param name="Path">A file of any trainer's form, or the folder that it lies in.</param>
/// <param name="Rank">The rank that is expected; null: the file's.</param>
/// <param name="Alpha">The alpha that is expected; null: the file's.</param>
/// <param name="Scale">What its strength is multiplied with. <c>lora_scale</c>.</param>
public sealed record StoredAdapter(string Path, int? Rank = null, double? Alpha = null, double Scale = 1)
{
    /// <summary>Refuses a path where nothing is, before a large model is loaded for it.</summary>
    /// <exception cref="CheckpointException">There is no such file or folder.</exception>
    public void RequirePresent()
    {
        if (!System.IO.Path.Exists(Path))
        {
            throw CheckpointException.ForFile(
                Path,
                "found nothing there, expected a file of an adapter or its folder, such as lora/ of a run (lora_weights)"
            );
        }
    }

    /// <summary>Hangs the adapter on a network, whose own parameters are frozen.</summary>
    /// <param name="network">The transformer that it was trained on, or one of its shape.</param>
    /// <exception cref="CheckpointException">
    /// The file is missing or damaged, does not fit the network, or contradicts what is expected.
    /// </exception>
    public LoraAdapter Load(nn.Module network)
    {
        RequirePresent();
        var adapter = LoraAdapter.Load(network, Path, scale: Scale);
        foreach (var layer in adapter.Layers)
        {
            var problem =
                Rank is { } rank && layer.Rank != rank ? Difference("rank", layer.Rank, rank)
                : Alpha is { } alpha && layer.Alpha != alpha ? Difference("alpha", layer.Alpha, alpha)
                : null;
            if (problem is not null)
            {
                var path = layer.Path;
                adapter.Dispose();
                throw CheckpointException.ForFile(
                    Path,
                    $"layer {path}: {problem}; leave the setting out, the file's is taken"
                );
            }
        }
        return adapter;
    }

    private static string Difference(string what, double found, double expected) =>
        string.Create(CultureInfo.InvariantCulture, $"found {what} {found}, expected {expected} (lora_{what})");
}
