// What settings only name: a folder may have other weights today than it had when a run began, and the same weights may lie elsewhere
// after it. So a checkpoint has hashes of contents. Of large files and networks a sample is hashed, the same places each time: two
// models that were trained differently differ everywhere.

using System.Buffers.Binary;
using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using FlowBP.Training.Configuration;
using FlowBP.Training.Pipelines;

namespace FlowBP.Training.Checkpoints;

/// <summary>Hashes of contents that a run's numbers depend on.</summary>
public static class RunFingerprints
{
    private const int ValuesPerTensor = 256;
    private const int PieceBytes = 1 << 16;
    private const int PiecesPerFile = 16;
    private const int HexDigits = 32;

    /// <summary>The fingerprints of a run, before anything is trained or restored.</summary>
    /// <param name="config">The run.</param>
    /// <param name="model">Its model.</param>
    /// <param name="prompts">Prompts by the name of the setting that names them.</param>
    /// <exception cref="IOException">A file can't be read.</exception>
    public static IReadOnlyDictionary<string, string> Of(
        AlignmentConfig config,
        TextToImage model,
        IReadOnlyDictionary<string, IReadOnlyList<string>> prompts
    )
    {
        SortedDictionary<string, string> found = new(StringComparer.Ordinal)
        {
            ["model"] = OfNetworks(model),
            ["trained parameters"] = OfParameters(model),
            ["embeddings of prompts"] = config.Model.PromptEmbeds is { } embeds
                ? OfFiles([embeds])
                : OfFiles(Encoders(config.Model.Folder)),
        };
        foreach (var (name, texts) in prompts)
        {
            found[name] = OfText(string.Join('\n', texts));
        }
        foreach (var (i, reward) in config.Judges.Rewards.Index())
        {
            found[$"reward {i + 1}"] =
                $"{OfFiles([reward.Folder])} times {reward.Weight.ToString("R", CultureInfo.InvariantCulture)}";
        }
        if (config.Judges.HeldOutRewardFolder is { } heldOut)
        {
            found["heldout_reward"] = OfFiles([heldOut]);
        }
        if (config.FlowMatching.FlowMatchingData is { } data && Directory.Exists(data))
        {
            found["flow_matching_data"] = OfFiles([data]);
        }
        return found;
    }

    /// <summary>A hash of the files in some places: names, lengths, and contents or samples of them.</summary>
    /// <param name="places">Files, or folders with all that is in them.</param>
    /// <exception cref="IOException">A file can't be read.</exception>
    internal static string OfFiles(IEnumerable<string> places)
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        var piece = new byte[PieceBytes];
        foreach (var place in places)
        {
            string[] files = File.Exists(place)
                ? [place]
                : [.. Directory.EnumerateFiles(place, "*", SearchOption.AllDirectories).Order(StringComparer.Ordinal)];
            foreach (var file in files)
            {
                using var stream = File.OpenRead(file);
                Add(hash, $"{Path.GetRelativePath(place, file)}\n{stream.Length}\n");
                AddSample(hash, stream, piece);
            }
        }
        return Text(hash);
    }

    private static void AddSample(IncrementalHash hash, FileStream stream, byte[] piece)
    {
        var last = Math.Max(0, stream.Length - PieceBytes);
        var pieces = stream.Length <= (long)PiecesPerFile * PieceBytes ? 0 : PiecesPerFile;
        if (pieces == 0)
        {
            for (var count = stream.Read(piece); count > 0; count = stream.Read(piece))
            {
                hash.AppendData(piece, 0, count);
            }
            return;
        }
        for (var i = 0; i < pieces; i++)
        {
            stream.Position = (long)((double)last * i / (pieces - 1));
            hash.AppendData(piece, 0, stream.ReadAtLeast(piece, PieceBytes, throwOnEndOfStream: false));
        }
    }

    private static IEnumerable<string> Encoders(string folder) =>
        Directory
            .EnumerateDirectories(folder)
            .Where(part =>
                Path.GetFileName(part).StartsWith("text_encoder", StringComparison.Ordinal)
                || Path.GetFileName(part).StartsWith("tokenizer", StringComparison.Ordinal)
            )
            .Order(StringComparer.Ordinal);

    private static string OfNetworks(TextToImage model)
    {
        using var scope = torch.NewDisposeScope();
        using var noGrad = torch.no_grad();
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        foreach (var network in new nn.Module[] { model.Model.Transformer, model.Model.Vae })
        {
            foreach (var (name, tensor) in network.state_dict())
            {
                Add(hash, $"{name} {tensor.dtype} [{string.Join(',', tensor.shape)}]\n");
                AddSample(hash, tensor);
            }
        }
        return Text(hash);
    }

    private static void AddSample(IncrementalHash hash, Tensor tensor)
    {
        using var scope = torch.NewDisposeScope();
        var count = tensor.numel();
        if (count == 0)
        {
            return;
        }
        var taken = Math.Min(count, ValuesPerTensor);
        long[] places = [.. Enumerable.Range(0, (int)taken).Select(i => (long)((double)i * (count - 1) / taken))];
        var sample = tensor.detach().flatten().index_select(0, torch.tensor(places).to(tensor.device));
        var bytes = new byte[sizeof(double)];
        foreach (var value in sample.cpu().to(ScalarType.Float64).data<double>().ToArray())
        {
            BinaryPrimitives.WriteDoubleLittleEndian(bytes, value);
            hash.AppendData(bytes);
        }
    }

    // Names, shapes, and of an adapter the strength of each layer, which no setting has where a file has it.
    private static string OfParameters(TextToImage model) =>
        OfText(
            string.Join(
                '\n',
                [
                    .. model.TrainedParameters.Select(each =>
                        $"{each.Name} {each.Parameter.dtype} [{string.Join(',', each.Parameter.shape)}]"
                    ),
                    .. model.Adapter?.Layers.Select(layer =>
                        string.Create(CultureInfo.InvariantCulture, $"{layer.Path} {layer.Alpha:R} {layer.Scaling:R}")
                    )
                        ?? [],
                ]
            )
        );

    private static string OfText(string text) =>
        Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(text)))[..HexDigits];

    private static void Add(IncrementalHash hash, string text) => hash.AppendData(Encoding.UTF8.GetBytes(text));

    private static string Text(IncrementalHash hash) => Convert.ToHexStringLower(hash.GetHashAndReset())[..HexDigits];
}
