// A data set as people exchange it: NAME.png with its caption in NAME.txt beside it, or a metadata.jsonl with file_name and text in
// each line, as Hugging Face's imagefolder has it. What has no caption is refused: a picture that is left out silently is missed by
// nobody.

using System.Text.Json;
using FlowBP.Families;
using FlowBP.Pictures;
using FlowBP.RandomStreams;

namespace FlowBP.Training.FlowMatching;

/// <summary>Pictures of a folder, in the order of their names or of metadata.jsonl.</summary>
internal sealed class PictureFolder : ICaptionedPictures
{
    private const string MetadataName = "metadata.jsonl";
    private const string CaptionEnding = ".txt";

    private static readonly string[] s_endings = [".png", ".jpg", ".jpeg", ".webp"];
    private static readonly string[] s_otherMetadata = ["metadata.csv", "metadata.parquet"];

    private readonly Entry[] entries;

    /// <summary>Reads the captions.</summary>
    /// <param name="folder">The folder.</param>
    /// <exception cref="InvalidDataException">
    /// There is no such folder, no picture in it, a picture without a caption or a caption without a picture; names it.
    /// </exception>
    public PictureFolder(string folder)
    {
        if (!Directory.Exists(folder))
        {
            throw BadFile.Of($"flow_matching_data: {folder} is no folder; expected one with pictures and captions");
        }
        var metadata = Path.Combine(folder, MetadataName);
        entries = File.Exists(metadata) ? [.. Listed(folder, metadata)] : [.. Paired(folder)];
        if (entries.Length == 0)
        {
            throw BadFile.Of(
                $"flow_matching_data: {folder} holds no pictures ({string.Join(", ", s_endings)}); expected NAME.png with NAME.txt"
                    + $" beside it, or {MetadataName}"
            );
        }
        Captions = [.. entries.Select(entry => entry.Caption)];
    }

    /// <inheritdoc/>
    public IReadOnlyList<string> Captions { get; }

    /// <inheritdoc/>
    public void Check(ImageSize size)
    {
        foreach (var entry in entries)
        {
            Load(entry, size);
        }
    }

    /// <inheritdoc/>
    public void Fill(int picture, RandomStream stream, Span<float> planes_CYX)
    {
        var image = PictureFile.Load(entries[picture].Picture);
        var planes = image.ToPlanes();
        if (planes.Length != planes_CYX.Length)
        {
            throw BadFile.Of($"{entries[picture].Picture} has changed its size since the run began");
        }
        planes.CopyTo(planes_CYX);
    }

    private static void Load(Entry entry, ImageSize size)
    {
        var image = PictureFile.Load(entry.Picture);
        if ((image.Height, image.Width) != (size.Height, size.Width))
        {
            throw BadFile.Of(
                $"{entry.Picture} has {image.Height} × {image.Width} pixels, the model paints {size.Height} × {size.Width} (height ×"
                    + " width); crop and resize the pictures, or set height and width"
            );
        }
    }

    private static IEnumerable<Entry> Paired(string folder)
    {
        if (Array.Find(s_otherMetadata, name => File.Exists(Path.Combine(folder, name))) is { } other)
        {
            throw BadFile.Of(
                $"{Path.Combine(folder, other)} is not read; expected {MetadataName}, or captions as NAME{CaptionEnding} beside"
                    + " NAME.png"
            );
        }
        var pictures = PicturesIn(folder);
        var stems = pictures.Select(picture => Path.ChangeExtension(picture, null)).ToHashSet();
        var stray = Names(folder, [CaptionEnding])
            .Find(caption => !stems.Contains(Path.ChangeExtension(caption, null)));
        if (stray is not null)
        {
            throw BadFile.Of($"{stray} is a caption without a picture of its name; add one or remove it");
        }
        return pictures.Select(picture => new Entry(picture, CaptionOf(picture)));
    }

    private static string CaptionOf(string picture)
    {
        var file = Path.ChangeExtension(picture, CaptionEnding);
        if (!File.Exists(file))
        {
            throw BadFile.Of($"{picture} has no caption; expected it in {file}");
        }
        string[] lines =
        [
            .. PromptText.Lines(PromptText.Read(file)).Select(line => line.Trim()).Where(line => line != ""),
        ];
        return lines is [var caption]
            ? caption
            : throw BadFile.Of($"{file} holds {lines.Length} lines of text, expected one caption");
    }

    private static List<Entry> Listed(string folder, string metadata)
    {
        List<Entry> listed = [];
        foreach (var (index, line) in PromptText.Lines(PromptText.Read(metadata)).Index())
        {
            if (line.Trim().Length > 0)
            {
                listed.Add(EntryOf(folder, line, $"{metadata}, line {index + 1}"));
            }
        }
        var known = listed.Select(entry => entry.Picture).ToHashSet();
        return PicturesIn(folder).Find(picture => !known.Contains(picture)) is { } unlisted
            ? throw BadFile.Of($"{unlisted} has no caption; expected a line in {metadata}")
            : listed;
    }

    private static Entry EntryOf(string folder, string line, string where)
    {
        try
        {
            using var json = JsonDocument.Parse(line);
            var name = Text(json.RootElement, "file_name", where);
            var caption = Text(json.RootElement, "text", where).Trim();
            if (name.Length == 0 || name.Contains('\0'))
            {
                throw BadFile.Of($"{where}: its file_name is empty or holds a zero, which no file's name does");
            }
            var path = Path.GetFullPath(Path.Combine(folder, name));
            var root = Path.TrimEndingDirectorySeparator(Path.GetFullPath(folder));
            if (!path.StartsWith(root + Path.DirectorySeparatorChar, StringComparison.Ordinal))
            {
                throw BadFile.Of($"{where}: '{name}' lies outside of the folder");
            }
            if (!File.Exists(path))
            {
                throw BadFile.Of($"{where}: there is no picture '{name}' in the folder");
            }
            return caption.Length > 0
                ? new(path, caption)
                : throw BadFile.Of($"{where}: the caption of '{name}' is empty");
        }
        catch (JsonException e)
        {
            throw BadFile.Of($"{where} is no JSON: {e.Message}");
        }
        catch (InvalidOperationException e)
        {
            throw BadFile.Of($"{where} holds half a letter (\\uD800 to \\uDFFF alone): {e.Message}", e);
        }
    }

    private static string Text(JsonElement entry, string key, string where) =>
        entry.ValueKind == JsonValueKind.Object
        && entry.TryGetProperty(key, out var value)
        && value.ValueKind == JsonValueKind.String
            ? value.GetString()!
            : throw BadFile.Of(
                $"{where} has no text '{key}'; expected {{\"file_name\": \"0001.png\", \"text\": \"a caption\"}}"
            );

    private static List<string> PicturesIn(string folder) => Names(folder, s_endings);

    // Full paths, in an order that no file system decides.
    private static List<string> Names(string folder, string[] endings) =>
        [
            .. Directory
                .EnumerateFiles(Path.GetFullPath(folder))
                .Where(path => endings.Contains(Path.GetExtension(path).ToLowerInvariant()))
                .Order(StringComparer.Ordinal),
        ];

    private sealed record Entry(string Picture, string Caption);
}
