// Model folders with small text encoders of random weights and no other networks, in the layouts of the three models.

using FlowBP.Formats;
using FlowBP.Models.Clip;
using FlowBP.Models.TextEncoders;
using static FlowBP.Models.Tests.TestNetworks;

namespace FlowBP.Models.Tests;

internal static class PromptFolder
{
    private const int ClipVocabulary = 112;

    /// <summary>CLIP of width 8, T5 of width 10.</summary>
    /// <param name="folder">The folder to write.</param>
    /// <param name="t5Rows">Rows of T5's token embedding.</param>
    public static void WriteFlux1(string folder, int t5Rows = 832)
    {
        Index(folder, "FluxPipeline");
        WriteClipTokenizer(folder, "tokenizer");
        using var clip = Busy(new CLIPTextModel(Clip(8, 6)));
        Encoder(folder, "text_encoder", clip.Config.ToJson(), clip);
        WriteT5(folder, 2, width: 10, t5Rows);
    }

    /// <summary>Qwen3 of width 8 with 28 layers.</summary>
    public static void WriteFlux2(string folder)
    {
        Index(folder, "Flux2KleinPipeline");
        Copy("goldens/models/tokenizers/qwen_tokenizer.json", Path.Combine(folder, "tokenizer", "tokenizer.json"));
        var config = new Qwen3Config
        {
            VocabSize = 912,
            HiddenSize = 8,
            IntermediateSize = 12,
            NumHiddenLayers = 28,
            NumAttentionHeads = 2,
            NumKeyValueHeads = 1,
            HeadDim = 4,
        };
        using var qwen = Busy(new Qwen3TextEncoder(config));
        Encoder(folder, "text_encoder", config.ToJson(), qwen);
    }

    /// <summary>Two CLIP towers of widths 8 and 10, each projected to 6, T5 of width 18.</summary>
    public static void WriteSD3(string folder)
    {
        Index(folder, "StableDiffusion3Pipeline");
        Write(Path.Combine(folder, "transformer", "config.json"), """{"joint_attention_dim": 18}""");
        for (var i = 1; i <= 2; i++)
        {
            var number = i == 1 ? "" : "_2";
            WriteClipTokenizer(folder, $"tokenizer{number}");
            using var clip = Busy(new CLIPTextModelWithProjection(Clip(6 + 2 * i, 6)));
            Encoder(folder, $"text_encoder{number}", clip.Config.ToJson(), clip);
        }
        WriteT5(folder, 3, width: 18, rows: 832);
    }

    private static ClipTextConfig Clip(int width, int projection) =>
        new()
        {
            VocabSize = ClipVocabulary,
            HiddenSize = width,
            IntermediateSize = 12,
            ProjectionDim = projection,
            NumHiddenLayers = 2,
            NumAttentionHeads = 2,
            MaxPositionEmbeddings = 16,
            EosTokenId = ClipVocabulary - 1,
        };

    private static void WriteT5(string folder, int number, int width, int rows)
    {
        Copy(
            "goldens/models/tokenizers/t5_tokenizer.json",
            Path.Combine(folder, $"tokenizer_{number}", "tokenizer.json")
        );
        var config = new T5Config
        {
            VocabSize = rows,
            DModel = width,
            DKv = 4,
            DFf = 12,
            NumLayers = 2,
            NumHeads = 2,
            FeedForwardProj = "gated-gelu",
        };
        using var t5 = Busy(new T5EncoderModel(config));
        Encoder(folder, $"text_encoder_{number}", config.ToJson(), t5);
    }

    private static void WriteClipTokenizer(string folder, string name)
    {
        foreach (var file in Directory.EnumerateFiles(Path.Combine(EmbeddedModel(), "tokenizer")))
        {
            Directory.CreateDirectory(Path.Combine(folder, name));
            File.Copy(file, Path.Combine(folder, name, Path.GetFileName(file)));
        }
    }

    private static string EmbeddedModel() =>
        Path.Combine(
            SharedFolder.Repository ?? throw new DirectoryNotFoundException("the tests run outside the source tree"),
            "assets",
            "shapes",
            "model"
        );

    private static void Index(string folder, string pipeline) =>
        Write(Path.Combine(folder, "model_index.json"), $$"""{"_class_name": "{{pipeline}}"}""");

    private static void Encoder(string folder, string name, string config, nn.Module module)
    {
        Write(Path.Combine(folder, name, "config.json"), config);
        Checkpoint.Save(module, Path.Combine(folder, name, "model.safetensors"));
    }

    private static void Copy(string shared, string to)
    {
        Directory.CreateDirectory(Path.GetDirectoryName(to)!);
        File.WriteAllBytes(to, File.ReadAllBytes(SharedFolder.Require(shared)));
    }

    private static void Write(string path, string text)
    {
        Directory.CreateDirectory(Path.GetDirectoryName(path)!);
        File.WriteAllText(path, text);
    }
}
