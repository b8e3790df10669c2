// A model of the family: how it is loaded, conditioned, pulled back and stored.
// Shape legend: B batch, L tokens, C Y X latent.

using FlowBP.Families;
using FlowBP.Formats;
using FlowBP.Kernels;
using FlowBP.Models.Autoencoders;
using FlowBP.Models.Layers;
using FlowBP.Models.Schedulers;
using FlowBP.Models.Transformers;
using FlowBP.Surrogates;

namespace FlowBP.Cli.Tests.FourthFamily;

/// <summary>A model of the fourth family.</summary>
internal sealed class WaveBackbone : IBackbone
{
    private const string Pooled = "pooled_projections";

    private readonly WaveTransformer transformer;
    private readonly AutoencoderKL vae;
    private readonly FlowMatchEulerConfig scheduler;
    private readonly UntrainedParts source;

    private WaveBackbone(
        WaveTransformer transformer,
        AutoencoderKL vae,
        FlowMatchEulerConfig scheduler,
        UntrainedParts source,
        IPromptSource prompts
    )
    {
        this.transformer = transformer;
        this.vae = vae;
        this.scheduler = scheduler;
        this.source = source;
        Prompts = prompts;
        Backbones.Freeze(vae);
    }

    public nn.Module Transformer => transformer;

    public LatentAutoencoder Vae => vae;

    public IPromptSource Prompts { get; }

    public bool HasNegativeBranch => true;

    public IReadOnlyList<string> LoraTargets => WaveFamily.AdapterTargets;

    public int PixelsPerLatent => vae.Config.SpatialCompression;

    public static IBackbone Load(string folder, IPromptSource? prompts, string? weights)
    {
        var layout = new DiffusersFolder(folder);
        using var made = new Unfinished();
        var vae = made.Add(AutoencoderKL.FromFolder(layout.Vae));
        var config = WaveConfig.Read(ConfigReader.Open(Path.Combine(layout.Transformer, "config.json")));
        var transformer = made.Add(new WaveTransformer(config));
        Checkpoint.LoadInto(transformer, weights ?? layout.Transformer);
        var backbone = new WaveBackbone(
            transformer,
            vae,
            FlowMatchEulerConfig.Read(layout.SchedulerConfig),
            new UntrainedParts(folder),
            prompts ?? TextEncoders.Of(folder)
        );
        made.Finish();
        return backbone;
    }

    public long[] LatentShape(ImageSize? size)
    {
        var pixels = size ?? new ImageSize(vae.Config.SampleSize, vae.Config.SampleSize);
        var (rows, columns) = pixels.In(PixelsPerLatent);
        return [transformer.Config.InChannels, rows, columns];
    }

    public NoiseSchedule Schedule(int steps, long[] latentShape) =>
        scheduler.Schedule(steps, (int)(latentShape[1] * latentShape[2]));

    public IBlockwiseNetwork Blockwise(double guidance) => new Pulled(transformer);

    public Conditioning Condition(IReadOnlyDictionary<string, Tensor> embeddings)
    {
        // Embeddings of the family's encoders are a sequence as well, of which this network reads nothing.
        PromptEmbeds.TextOf(embeddings, transformer.Config.JointAttentionDim).Dispose();
        return new(Pooled, PromptEmbeds.PooledOf(embeddings, transformer.Config.PooledProjectionDim));
    }

    public void UseRolloutKernels(IRolloutKernels? kernels) { }

    public void To(Device device)
    {
        transformer.to(device);
        vae.to(device);
        Prompts.To(device);
    }

    public void SaveTransformer(string folder, IReadOnlyDictionary<string, Func<Tensor>>? changes) =>
        DiffusersFolder.WriteNetwork(
            new DiffusersFolder(folder).Transformer,
            transformer.Config.ToJson(),
            transformer,
            changes: changes
        );

    public void SaveOtherParts(string folder, Action<string>? notice) => source.WriteTo(folder, notice);

    public void RequireReadable(Action<string>? notice) => source.RequireReadable(notice);

    public void Dispose()
    {
        Prompts.Dispose();
        transformer.Dispose();
        vae.Dispose();
    }

    private sealed class Pulled(WaveTransformer transformer)
        : BlockwiseTransformer<WaveBlock>(transformer.Blocks, transformer.EmbedParameters, transformer.HeadParameters)
    {
        public override BlockStreams Embed(Tensor x_BCYX, Tensor sigma_B, Conditioning conditioning)
        {
            using var scope = torch.NewDisposeScope();
            var type = transformer.HeadParameters.First().dtype;
            var hidden_BLD = transformer.Embed(LatentTokens.Pack(x_BCYX.to(type)));
            var condition_BD = transformer.Condition(sigma_B.to(type), conditioning[Pooled].to(type));
            return new([hidden_BLD.MoveToOuterDisposeScope()], [condition_BD.MoveToOuterDisposeScope()], []);
        }

        public override IReadOnlyList<Tensor> Block(int block, BlockStreams streams) =>
            [Parts[block].call(streams.Moving[0], streams.Shared[0])];

        public override Tensor Head(BlockStreams streams, IReadOnlyList<long> latentShape)
        {
            using var scope = torch.NewDisposeScope();
            var velocity_BLC = transformer.Head(streams.Moving[0]);
            return LatentTokens.Unpack(velocity_BLC, latentShape[2], latentShape[3]).MoveToOuterDisposeScope();
        }
    }
}
