// Stage 2: the velocity field, and with it the text encoder. A text encoder that was trained to match whole images, and
// then frozen, does not tell "left of" from "right of": nothing ever asked it to. Here the flow loss asks it to, because
// the places of the objects can only be predicted from the words' order.

using FlowBP.Families.SD3;
using FlowBP.Models.Autoencoders;
using FlowBP.Models.Clip;
using FlowBP.Models.Layers;
using FlowBP.RandomStreams;
using FlowBP.Shapes;
using FlowBP.Surrogates;

namespace FlowBP.Training.Pretraining;

/// <summary>Trains transformer and text encoder by conditional flow matching on encoded pictures.</summary>
internal sealed class FlowPretraining(
    PretrainRecipe recipe,
    AutoencoderKL autoencoder,
    Func<string, long[]> tokenize,
    BatchWorkers workers
)
{
    private const int EncodingBatch = 512;

    /// <summary>The two trained networks.</summary>
    public (SD3Transformer2DModel Transformer, CLIPTextModelWithProjection TextEncoder) Run(
        ClipTextConfig textConfig,
        Action<PretrainingProgress> report
    )
    {
        var transformer = new SD3Transformer2DModel(recipe.TransformerConfig);
        var textEncoder = new CLIPTextModelWithProjection(textConfig);
        ParameterInitialization.Apply(transformer, recipe.Seed);
        ParameterInitialization.Apply(textEncoder, recipe.Seed + 1);
        Train(transformer, textEncoder, report);
        return (transformer, textEncoder);
    }

    /// <summary>All cycles of the stage, from the weights that the networks have.</summary>
    public void Train(
        SD3Transformer2DModel transformer,
        CLIPTextModelWithProjection textEncoder,
        Action<PretrainingProgress> report
    )
    {
        var (latents_PCYX, ids_PL) = Encode(report);
        var parameters = transformer
            .named_parameters()
            .Select(p => ("transformer." + p.name, p.parameter))
            .Concat(textEncoder.named_parameters().Select(p => ("text_encoder." + p.name, p.parameter)));
        new PretrainingLoop("flow", recipe.Flow, report, workers).Run(
            parameters,
            (step, batch) => Draw(transformer, textEncoder, latents_PCYX, ids_PL, step, batch)
        );
        latents_PCYX.Dispose();
        ids_PL.Dispose();
    }

    // E |v_θ(x_σ, σ, c) − (ε − x)|² with x_σ = (1 − σ)·x + σ·ε  (Lipman et al. 2023; docs/methods.md §1 for the sign).
    private LossOfRows Draw(
        SD3Transformer2DModel transformer,
        CLIPTextModelWithProjection textEncoder,
        Tensor latents_PCYX,
        Tensor ids_PL,
        int step,
        int batch
    )
    {
        var (rows_B, sigma_B) = Draw(step, batch, latents_PCYX.size(0));
        var x_BCYX = latents_PCYX.index_select(0, rows_B);
        var ids_BL = DropCaptions(ids_PL.index_select(0, rows_B), step);
        var noise_BCYX = ShapesTensors.Normal(x_BCYX.shape, recipe.Seed, step, RandomPurpose.InitialNoise);
        var sigma_B111 = sigma_B.reshape(-1, 1, 1, 1);
        var noisy_BCYX = x_BCYX * (1 - sigma_B111) + noise_BCYX * sigma_B111;
        var target_BCYX = noise_BCYX - x_BCYX;
        var timestep_B = sigma_B * 1000;
        return rows =>
        {
            var states = textEncoder.Encode(ids_BL.Rows(rows));
            var velocity_nCYX = transformer.call(
                new(
                    noisy_BCYX.Rows(rows),
                    states.Penultimate,
                    textEncoder.Project(states.Pooled),
                    timestep_B.Rows(rows)
                )
            );
            return F.mse_loss(velocity_nCYX, target_BCYX.Rows(rows));
        };
    }

    // Half the times logit-normal, as SD3 (Esser et al. 2024), half uniform, so that neither end starves.
    private (Tensor Rows_B, Tensor Sigma_B) Draw(int step, int batch, long pictures)
    {
        var order = RandomStream.For(recipe.Seed, step, 0, RandomPurpose.PromptOrder);
        var times = RandomStream.For(recipe.Seed, step, 0, RandomPurpose.Timesteps);
        var rows = new long[batch];
        var sigmas = new float[batch];
        for (var b = 0; b < batch; b++)
        {
            rows[b] = order.NextInt((int)pictures);
            sigmas[b] = (float)(
                b % 2 == 0 ? 1 / (1 + Math.Exp(-recipe.TimestepLogitMean - times.NextNormal())) : times.NextDouble()
            );
        }
        return (torch.tensor(rows), torch.tensor(sigmas));
    }

    private Tensor DropCaptions(Tensor ids_BL, int step)
    {
        var stream = RandomStream.For(recipe.Seed, step, 0, RandomPurpose.CaptionDropout);
        using var empty_L = torch.tensor(tokenize(""));
        for (var b = 0; b < ids_BL.size(0); b++)
        {
            if (stream.NextDouble() < recipe.CaptionDropout)
            {
                ids_BL.select(0, b).copy_(empty_L);
            }
        }
        return ids_BL;
    }

    private (Tensor Latents_PCYX, Tensor Ids_PL) Encode(Action<PretrainingProgress> report)
    {
        using var scope = torch.NewDisposeScope();
        using var noGrad = torch.no_grad();
        List<Tensor> latents = [];
        List<Tensor> ids = [];
        var watch = System.Diagnostics.Stopwatch.StartNew();
        var batches = recipe.FlowPictures / EncodingBatch;
        for (var i = 0; i < batches; i++)
        {
            using var inner = torch.NewDisposeScope();
            var pictures = ShapesBatch.Sample(recipe.Seed + 2, i, EncodingBatch);
            var mean_BCYX = autoencoder.EncodeMean(ShapesTensors.Images(pictures.Images) * 2 - 1);
            latents.Add(autoencoder.Scale(mean_BCYX).MoveToOuterDisposeScope());
            ids.Add(Ids(pictures.Captions).MoveToOuterDisposeScope());
        }
        report(new("encode", batches, batches, 0, watch.Elapsed));
        var (all_PCYX, all_PL) = (torch.cat(latents), torch.cat(ids));
        return (all_PCYX.DetachFromDisposeScope(), all_PL.DetachFromDisposeScope());
    }

    private Tensor Ids(string[] captions) =>
        torch.tensor([.. captions.SelectMany(tokenize)], [captions.Length, PretrainRecipe.PromptTokens]);
}
