// A velocity network of test size: tokens are mixed by their mean and changed by a gated layer. It says its embedding, its blocks and
// its head, and its forward pass is these.
// Shape legend: B batch, L tokens, C latent channels, D width, P pooled text.

using System.Text.Json.Nodes;
using FlowBP.Families.Networks;
using FlowBP.Formats;
using FlowBP.Models.Transformers;
using FlowBP.Surrogates;

namespace FlowBP.Cli.Tests.FourthFamily;

/// <summary>Sizes of a <see cref="WaveTransformer"/>.</summary>
internal sealed record WaveConfig(
    int InChannels,
    int Width,
    int NumLayers,
    int PooledProjectionDim,
    int JointAttentionDim
)
{
    public static WaveConfig Read(ConfigReader json)
    {
        json.RequireClass(nameof(WaveTransformer));
        var config = new WaveConfig(
            json.Int("in_channels"),
            json.Int("width"),
            json.Int("num_layers"),
            json.Int("pooled_projection_dim"),
            json.Int("joint_attention_dim")
        );
        json.RefuseUnknown();
        return config;
    }

    public string ToJson() =>
        new JsonObject
        {
            ["_class_name"] = nameof(WaveTransformer),
            ["in_channels"] = InChannels,
            ["width"] = Width,
            ["num_layers"] = NumLayers,
            ["pooled_projection_dim"] = PooledProjectionDim,
            ["joint_attention_dim"] = JointAttentionDim,
        }.ToJsonString();
}

/// <summary>One layer: h + gate(condition)·proj_out(silu(proj_in(h + mean h))).</summary>
internal sealed class WaveBlock : TransformerBlock
{
    private readonly Linear proj_in;
    private readonly Linear gate;
    private readonly Linear proj_out;

    public WaveBlock(int width)
        : base(nameof(WaveBlock))
    {
        proj_in = nn.Linear(width, width);
        gate = nn.Linear(width, width);
        proj_out = nn.Linear(width, width);
        RegisterComponents();
    }

    public override TokenStreams<T> Apply<T>(INetworkOperations<T> ops, TokenStreams<T> streams)
    {
        using var scope = ops.Scope();
        var mixed = ops.Mapped(streams.Image, hidden_BLD => hidden_BLD + hidden_BLD.mean([1], keepdim: true));
        var by = ops.Modulation(ops.Linear(gate, streams.Shared[0]), 1);
        var changed = ops.Gated(streams.Image, by, 0, ops.Linear(proj_out, ops.Silu(ops.Linear(proj_in, mixed))));
        return streams with { Image = ops.Keep(changed) };
    }
}

/// <summary>The velocity network of the family.</summary>
internal sealed class WaveTransformer : FlowTransformer
{
    private readonly Linear x_embedder;
    private readonly Linear time_embedder;
    private readonly Linear text_embedder;
    private readonly ModuleList<WaveBlock> blocks;
    private readonly Linear proj_out;

    public WaveTransformer(WaveConfig config)
        : base(nameof(WaveTransformer))
    {
        Config = config;
        x_embedder = nn.Linear(config.InChannels, config.Width);
        time_embedder = nn.Linear(2, config.Width);
        text_embedder = nn.Linear(config.PooledProjectionDim, config.Width);
        blocks = nn.ModuleList([.. Enumerable.Range(0, config.NumLayers).Select(_ => new WaveBlock(config.Width))]);
        proj_out = nn.Linear(config.Width, config.InChannels);
        RegisterComponents();
    }

    public WaveConfig Config { get; }

    public override string ConfigJson => Config.ToJson();

    public override IReadOnlyList<TransformerBlock> Blocks => [.. blocks];

    public override IReadOnlyList<Parameter> EmbedParameters =>
        [.. x_embedder.parameters(), .. time_embedder.parameters(), .. text_embedder.parameters()];

    public override IReadOnlyList<Parameter> HeadParameters => [.. proj_out.parameters()];

    public override int LatentChannels => Config.InChannels;

    public override int PatchSize => 1;

    // Embeddings of the family's encoders are a sequence as well, of which this network reads nothing.
    public override int TextWidth => Config.JointAttentionDim;

    public override int? PooledWidth => Config.PooledProjectionDim;

    public override TransformerInput Input(Tensor x_BCYX, Tensor sigma_B, Conditioning conditioning, double guidance)
    {
        var type = x_embedder.weight.dtype;
        return new(
            LatentTokens.Pack(x_BCYX.to(type)),
            conditioning[Text],
            conditioning[Pooled].to(type),
            sigma_B.to(type)
        );
    }

    public override Tensor Velocity(Tensor velocity, IReadOnlyList<long> shape) =>
        LatentTokens.Unpack(velocity, shape[2], shape[3]);

    public override TokenStreams<T> Embed<T>(INetworkOperations<T> ops, TransformerInput<T> input)
    {
        using var scope = ops.Scope();
        var angles_B2 = ops.Encoded(
            input.Timestep_B,
            2,
            time_B => torch.stack([(time_B * 4).sin(), (time_B * 4).cos()], 1)
        );
        var condition_BD = ops.Add(ops.Linear(time_embedder, angles_B2), ops.Linear(text_embedder, input.Pooled_BP!));
        return new(ops.Keep(ops.Linear(x_embedder, input.Latents)), null, [ops.Keep(condition_BD)]);
    }

    public override T Head<T>(INetworkOperations<T> ops, TokenStreams<T> streams, TokenGrid image) =>
        ops.Linear(proj_out, streams.Image);
}
