// Whole training steps with real networks: a Stable Diffusion 3 transformer, its autoencoder and an HPSv2 reward, all tiny,
// recorded from an independent implementation in float32. What is repeated is the production path from the noise to the
// gradient of every parameter of the transformer; only noise, indices and text embeddings come from the recording.
// Shape legend: B batch, R reward rows (copies × batch, copy-major), P projection, C channels, Y X pixels or latents.

using System.Text.Json;
using FlowBP.Families;
using FlowBP.Families.Networks;
using FlowBP.Families.SD3;
using FlowBP.Formats;
using FlowBP.Models.Autoencoders;
using FlowBP.Models.Clip;
using FlowBP.Models.Rewards;
using FlowBP.Surrogates;
using FlowBP.Training.Devices;
using FlowBP.Training.Rewards;
using FlowBP.Verification.Methods;

namespace FlowBP.Verification;

/// <summary>Checks recorded training steps of whole models.</summary>
public static class EndToEndFixture
{
    /// <summary>
    /// Largest error that passes: of gradients the relative Euclidean norm, of everything else relative to the largest
    /// magnitude. The recordings' own error against float64 is below 2e-5.
    /// </summary>
    public const double Tolerance = 1e-3;

    // Deviations of exact replays are float32 rounding of latents near one.
    private const double Negligible = 1e-5;

    private const string Manifest = "manifest.json";
    private const string TextEmbeds = "text_embeds";

    /// <summary>Whether a folder has a manifest of recorded steps with networks (it names cases, and no format).</summary>
    /// <param name="folder">The folder itself, not what is below it.</param>
    public static bool Matches(string folder) =>
        FixtureSearch.HasManifest(
            folder,
            manifest => manifest.TryGetProperty("cases", out _) && !manifest.TryGetProperty("format", out _),
            // What it would have been can't be told; MethodFixture reports it.
            ifDamaged: false
        );

    /// <summary>Runs every recorded step of a folder. Whatever is wrong with a case is in its result.</summary>
    /// <param name="folder">
    /// Folder with <c>manifest.json</c> and the tensors of its cases; the networks are its siblings
    /// <c>sd3_transformer</c>, <c>sd3_vae</c> and <c>hpsv2_clip</c>.
    /// </param>
    /// <param name="compute">Where the networks compute, with the kernels under test.</param>
    /// <exception cref="CheckpointException">A network is missing or damaged.</exception>
    /// <exception cref="JsonException">The manifest is not JSON.</exception>
    /// <exception cref="KeyNotFoundException">The manifest has no cases, or one names no file.</exception>
    public static IReadOnlyList<FixtureResult> Run(string folder, ComputeDevice compute)
    {
        using var document = JsonDocument.Parse(File.ReadAllBytes(Path.Combine(folder, Manifest)));
        using var networks = new Networks(Path.GetFullPath(Path.Combine(folder, "..")), compute.Device);
        List<FixtureResult> results = [];
        foreach (var description in document.RootElement.GetProperty("cases").EnumerateArray())
        {
            var file = Path.Combine(folder, description.GetProperty("file").GetString()!);
            var name = Path.GetFileNameWithoutExtension(file);
            results.Add(FixtureResult.Guard(name, () => RunCase(name, file, description, networks, compute)));
        }
        return results;
    }

    private static FixtureResult RunCase(
        string name,
        string file,
        JsonElement description,
        Networks networks,
        ComputeDevice compute
    )
    {
        using var scope = torch.NewDisposeScope();
        var tensors = SafetensorsFile.LoadAll(file, compute.Device);
        var comparison = new Comparison(Tolerance, Negligible);
        var step = new RecordedStep(description, tensors, compute.Kernels);
        var text_BP = networks.Reward.EmbedText(tensors["hps_input_ids"]);
        networks.Transformer.zero_grad();
        step.Run(
            comparison,
            new()
            {
                Field = new BlockwiseVelocityField(new BlockwiseTransformer(networks.Transformer)),
                Conditioning = FlowTransformer.Condition(
                    tensors["prompt_embeds"],
                    tensors["pooled"],
                    step.IsGuided
                        ? FlowTransformer.Condition(tensors["neg_prompt_embeds"], tensors["neg_pooled"])
                        : null
                ),
                Reward = new EmbeddedPromptReward(networks),
                RewardConditioning = new(TextEmbeds, text_BP),
                Storage = ScalarType.Float32,
            }
        );
        CompareImages(comparison, step, networks, tensors, text_BP);
        CompareGradients(comparison, description, networks.Transformer, tensors);
        return comparison.Result(name);
    }

    // From the recorded latents and images rather than ours: what differs here differs in the decoder or in the reward.
    private static void CompareImages(
        Comparison comparison,
        RecordedStep step,
        Networks networks,
        IReadOnlyDictionary<string, Tensor> tensors,
        Tensor text_BP
    )
    {
        if (!tensors.TryGetValue("image", out var image_RCYX))
        {
            return;
        }
        comparison.Tensors("image", LatentReward.Pixels(networks.Vae, tensors["x0"]).detach(), image_RCYX);
        if (!tensors.TryGetValue("grad_image", out var expected_RCYX))
        {
            return;
        }
        var leaf_RCYX = image_RCYX.detach().clone().requires_grad_(true);
        var rows = (int)image_RCYX.size(0);
        var score_R = networks.Reward.Score(leaf_RCYX, text_BP.repeat(rows / step.Batch, 1));
        var weight_B = Recorded("sample_weights");
        var keep_B = Recorded("keep_mask");
        var count = keep_B.Sum() * rows / step.Batch;
        var cotangent_R = Comparison
            .Values(score_R)
            .Select(
                (score, row) =>
                    keep_B[row % step.Batch] * step.Hinge.Derivative(score, weight_B[row % step.Batch], count)
            );
        var gradient = Gradients.Of(
            [score_R],
            [leaf_RCYX],
            [torch.tensor(cotangent_R.ToArray()).to(score_R.dtype).to(score_R.device)]
        );
        comparison.Norms("grad_image", gradient[0]!, expected_RCYX);

        double[] Recorded(string name) =>
            tensors.TryGetValue(name, out var value_B)
                ? Comparison.Values(value_B)
                : [.. Enumerable.Repeat(1.0, step.Batch)];
    }

    // A parameter that is not in the recording got no gradient there.
    private static void CompareGradients(
        Comparison comparison,
        JsonElement description,
        SD3Transformer2DModel transformer,
        IReadOnlyDictionary<string, Tensor> tensors
    )
    {
        const string prefix = "grad.";
        var expected = tensors
            .Where(pair => pair.Key.StartsWith(prefix, StringComparison.Ordinal))
            .ToDictionary(pair => pair.Key[prefix.Length..], pair => pair.Value);
        double[] norms = [.. expected.Values.Select(gradient => Comparison.Norm(Comparison.Values(gradient)))];
        var yardstick = Comparison.GradientYardstick(norms.DefaultIfEmpty(0).Max());
        List<double> found = [];
        foreach (var (name, parameter) in transformer.named_parameters())
        {
            var gradient = parameter.grad ?? torch.zeros_like(parameter);
            expected.Remove(name, out var reference);
            comparison.Norms($"{prefix}{name}", gradient, reference ?? torch.zeros_like(parameter), yardstick);
            found.Add(Comparison.Norm(Comparison.Values(gradient)));
        }
        foreach (var name in expected.Keys)
        {
            throw new KeyNotFoundException(
                $"the recording has a gradient of {name}, the transformer no such parameter"
            );
        }
        if (description.TryGetProperty("grad_norm", out var norm))
        {
            comparison.Numbers("grad_norm", [Comparison.Norm(found)], [norm.GetDouble()]);
        }
    }

    /// <summary>HPSv2 through the decoder, its prompts already embedded: recordings hold ids and no text.</summary>
    private sealed class EmbeddedPromptReward(Networks networks) : IReward
    {
        public Tensor Score(Tensor latents_R, Conditioning conditioning)
        {
            using var scope = torch.NewDisposeScope();
            return networks
                .Reward.Score(LatentReward.Pixels(networks.Vae, latents_R), conditioning[TextEmbeds])
                .MoveToOuterDisposeScope();
        }
    }

    /// <summary>The networks of a set of fixtures. Only the transformer receives gradients.</summary>
    private sealed class Networks : IDisposable
    {
        private readonly OpenClipModel clip;

        public Networks(string set, Device device)
        {
            Transformer = Load("sd3_transformer", file => new SD3Transformer2DModel(SD3TransformerConfig.Read(file)));
            Vae = Frozen(Load("sd3_vae", file => new AutoencoderKL(AutoencoderKLConfig.Read(file))));
            clip = Frozen(Load("hpsv2_clip", file => new OpenClipModel(OpenClipConfig.Read(file))));
            Reward = ClipReward.HpsV2(clip);

            T Load<T>(string folder, Func<string, T> make)
                where T : nn.Module
            {
                var model = make(Path.Combine(set, folder, "config.json"));
                Checkpoint.LoadInto(model, Path.Combine(set, folder, "model.safetensors"));
                model.to(device);
                return model;
            }
        }

        public SD3Transformer2DModel Transformer { get; }

        public AutoencoderKL Vae { get; }

        public ClipReward Reward { get; }

        public void Dispose()
        {
            Transformer.Dispose();
            Vae.Dispose();
            clip.Dispose();
        }

        private static T Frozen<T>(T module)
            where T : nn.Module
        {
            module.eval();
            foreach (var parameter in module.parameters())
            {
                parameter.requires_grad = false;
            }
            return module;
        }
    }
}
