// The prompt side of the three models, from folders: what a pipeline makes of prompts is what its encoders say, put together
// by hand; a tokenizer of another encoder is refused.

using FlowBP.Families;
using FlowBP.Families.Flux1;
using FlowBP.Formats;
using FlowBP.Models.Clip;
using FlowBP.Models.Prompts;
using FlowBP.Models.TextEncoders;
using FlowBP.Models.Tokenizers;

namespace FlowBP.Models.Tests;

public sealed class PromptEncoderTests
{
    private const int T5Vocabulary = 810;

    private string folder = "";

    [SetUp]
    public void CreateFolder() => folder = Directory.CreateTempSubdirectory("flowbp-prompts-").FullName;

    [TearDown]
    public void DeleteFolder() => Directory.Delete(folder, recursive: true);

    [Test]
    public void FLUX_1_takes_the_pooled_text_of_CLIP_and_the_sequence_of_T5()
    {
        using var scope = torch.NewDisposeScope();
        using var noGrad = torch.no_grad();
        PromptFolder.WriteFlux1(folder);
        using var encoder = PromptEncoders.FromFolder(folder);

        var found = encoder.Encode(["a red circle", ""]);

        var clip = CLIPTextModel.FromFolder(Path.Combine(folder, "text_encoder"));
        var clipIds = ClipTokenizer.FromFolder(Path.Combine(folder, "tokenizer")).Tokenize(["a red circle", ""]);
        var t5 = T5Tower.Load(Path.Combine(folder, "tokenizer_2"), Path.Combine(folder, "text_encoder_2"));
        Assert.That(((Flux1PromptEncoder)encoder).MaxSequenceLength, Is.EqualTo(512));
        Assert.That(found[PromptTensors.Text].shape, Is.EqualTo(new long[] { 2, 512, 10 }));
        Assert.That(found[PromptTensors.Pooled].shape, Is.EqualTo(new long[] { 2, 8 }));
        Assert.That(Values(found[PromptTensors.Pooled]), Is.EqualTo(Values(clip.Encode(clipIds).Pooled)));
        Assert.That(
            Values(found[PromptTensors.Text]),
            Is.EqualTo(Values(t5.Encoder.call(t5.Tokenizer.Tokenize(["a red circle", ""], 512))))
        );
    }

    [Test]
    public void FLUX_2_takes_three_layers_of_Qwen()
    {
        using var scope = torch.NewDisposeScope();
        using var noGrad = torch.no_grad();
        PromptFolder.WriteFlux2(folder);
        using var encoder = PromptEncoders.FromFolder(folder, maxSequenceLength: 40);

        var found = encoder.Encode(["a cat"])[PromptTensors.Text];

        var tokenizer = QwenTokenizer.FromFolder(Path.Combine(folder, "tokenizer"));
        var (ids, mask) = tokenizer.TokenizeChats(["a cat"], 40);
        var states = Qwen3TextEncoder.FromFolder(Path.Combine(folder, "text_encoder")).call(ids, mask);
        Assert.That(found.shape, Is.EqualTo(new long[] { 1, 40, 24 }));
        Assert.That(Values(found), Is.EqualTo(Values(torch.cat([states[9], states[18], states[27]], -1))));
    }

    [Test]
    public void Stable_Diffusion_3_appends_T5_or_zeros_of_CLIPs_length()
    {
        using var scope = torch.NewDisposeScope();
        using var noGrad = torch.no_grad();
        PromptFolder.WriteSD3(folder);
        using (var encoder = PromptEncoders.FromFolder(folder, maxSequenceLength: 20))
        {
            var found = encoder.Encode(["a red circle"]);
            var t5 = T5Tower.Load(Path.Combine(folder, "tokenizer_3"), Path.Combine(folder, "text_encoder_3"));
            Assert.That(found[PromptTensors.Text].shape, Is.EqualTo(new long[] { 1, 16 + 20, 18 }));
            Assert.That(found[PromptTensors.Pooled].shape, Is.EqualTo(new long[] { 1, 12 }));
            Assert.That(
                Values(found[PromptTensors.Text].narrow(1, 16, 20)),
                Is.EqualTo(Values(t5.Encode(["a red circle"], 20)))
            );
        }
        Directory.Delete(Path.Combine(folder, "text_encoder_3"), recursive: true);
        using var without = PromptEncoders.FromFolder(folder);
        var text = without.Encode(["a red circle"])[PromptTensors.Text];
        Assert.That(text.shape, Is.EqualTo(new long[] { 1, 32, 18 }));
        Assert.That(Values(text.narrow(1, 16, 16)), Has.All.EqualTo(0f));
    }

    [Test]
    public void A_prompt_longer_than_an_encoder_takes_is_reported_by_encoder()
    {
        PromptFolder.WriteFlux1(folder);
        using var encoder = PromptEncoders.FromFolder(folder, maxSequenceLength: 24);
        var prompt = string.Join(' ', Enumerable.Repeat("red", 30));

        Assert.That(encoder.Truncations("a red circle"), Is.Empty);
        Truncation[] truncations = [.. encoder.Truncations(prompt)];
        Assert.That(truncations.Select(t => t.Encoder), Is.EqualTo(new[] { "CLIP", "T5" }));
        Assert.That(truncations[0], Is.EqualTo(new Truncation("CLIP", 32, 16)));
        Assert.That(truncations[1].Taken, Is.EqualTo(24));
    }

    [TestCase(1)]
    [TestCase(513)]
    public void A_length_that_T5_does_not_take_is_refused(int length)
    {
        PromptFolder.WriteFlux1(folder);
        Assert.That(
            () => PromptEncoders.FromFolder(folder, length),
            Throws
                .TypeOf<SequenceLengthException>()
                .With.Message.EqualTo(
                    $"max_sequence_length: found {length}, expected 2 to 512, which the model's encoders take"
                )
        );
    }

    [TestCase(T5Vocabulary - 1)]
    [TestCase(2 * T5Vocabulary)]
    public void A_vocabulary_that_does_not_match_the_embedding_is_refused_with_both_numbers(int rows)
    {
        PromptFolder.WriteFlux1(folder, rows);
        Assert.That(
            () => PromptEncoders.FromFolder(folder),
            Throws
                .TypeOf<CheckpointException>()
                .With.Message.Contains($"vocabulary of {T5Vocabulary} tokens")
                .And.Message.Contains($"text_encoder_2 has {rows} rows")
        );
    }

    [Test]
    public void A_table_padded_by_a_few_rows_matches()
    {
        PromptFolder.WriteFlux1(folder, T5Vocabulary + 22);
        Assert.That(() => PromptEncoders.FromFolder(folder).Dispose(), Throws.Nothing);
    }

    [Test]
    public void Another_pipeline_is_refused_by_its_name()
    {
        File.WriteAllText(Path.Combine(folder, "model_index.json"), """{"_class_name": "FluxFillPipeline"}""");
        Assert.That(
            () => PromptEncoders.FromFolder(folder),
            Throws
                .TypeOf<CheckpointException>()
                .With.Message.Contains("FluxFillPipeline")
                .And.Message.Contains("FluxPipeline,")
        );
    }

    [Test]
    public void An_identity_tells_every_part_apart()
    {
        PromptFolder.WriteFlux1(folder);
        var identity = PromptEncoders.IdentityOf(folder);
        Assert.That(identity.Difference(PromptEncoders.IdentityOf(folder)), Is.Null);
        Assert.That(
            identity.Difference(PromptEncoders.IdentityOf(folder, 256)),
            Does.Contain("512 tokens, expected 256")
        );

        // A key without effect changes nothing.
        var config = Path.Combine(folder, "text_encoder_2", "config.json");
        var text = File.ReadAllText(config);
        File.WriteAllText(config, text.Replace("{", """{"transformers_version": "5.0.0",""", StringComparison.Ordinal));
        Assert.That(identity.Difference(PromptEncoders.IdentityOf(folder)), Is.Null);

        File.WriteAllText(config, text.Replace("\"num_heads\": 2", "\"num_heads\": 1", StringComparison.Ordinal));
        Assert.That(
            identity.Difference(PromptEncoders.IdentityOf(folder)),
            Does.Contain("configuration of text_encoder_2")
        );
        File.WriteAllText(config, text);

        var weights = Path.Combine(folder, "text_encoder", "model.safetensors");
        var bytes = File.ReadAllBytes(weights);
        bytes[^3] ^= 1;
        File.WriteAllBytes(weights, bytes);
        Assert.That(identity.Difference(PromptEncoders.IdentityOf(folder)), Does.Contain("weights of text_encoder "));
        bytes[^3] ^= 1;
        File.WriteAllBytes(weights, bytes);

        File.AppendAllText(Path.Combine(folder, "tokenizer_2", "tokenizer.json"), " ");
        Assert.That(
            identity.Difference(PromptEncoders.IdentityOf(folder)),
            Does.Contain("tokenizer of text_encoder_2")
        );
    }

    [Test]
    public void An_identity_of_another_pipeline_differs_by_its_name()
    {
        var other = Path.Combine(folder, "other");
        PromptFolder.WriteFlux1(folder);
        PromptFolder.WriteFlux2(other);
        Assert.That(
            PromptEncoders.IdentityOf(other).Difference(PromptEncoders.IdentityOf(folder)),
            Is.EqualTo("found encoders of Flux2KleinPipeline, expected FluxPipeline")
        );
    }
}
