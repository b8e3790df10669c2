// A velocity network of test size: tokens are mixed by their mean and changed by a gated layer. It says its embedding, its blocks and
// its head, and its forward pass is these.
// Shape legend: B batch, L tokens, C latent channels, D width, P pooled text.

using System.Text.Json.Nodes;
using FlowBP.Formats;

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

/// <summary>One layer: h + proj_out(silu(proj_in(h + mean h)) · gate(condition)).</summary>
internal sealed class WaveBlock : nn.Module<Tensor, Tensor, Tensor>
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

    public override Tensor forward(Tensor hidden_BLD, Tensor condition_BD)
    {
        using var scope = torch.NewDisposeScope();
        var mixed_BLD = F.silu(proj_in.call(hidden_BLD + hidden_BLD.mean([1], keepdim: true)));
        var changed_BLD = hidden_BLD + proj_out.call(mixed_BLD * gate.call(condition_BD).unsqueeze(1));
        return changed_BLD.MoveToOuterDisposeScope();
    }
}

/// <summary>The velocity network of the family.</summary>
internal sealed class WaveTransformer : nn.Module<Tensor, Tensor, Tensor, Tensor>
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

    public IEnumerable<WaveBlock> Blocks => blocks;

    public IEnumerable<Tensor> EmbedParameters =>
        [.. x_embedder.parameters(), .. time_embedder.parameters(), .. text_embedder.parameters()];

    public IEnumerable<Tensor> HeadParameters => proj_out.parameters();

    public Tensor Embed(Tensor tokens_BLC) => x_embedder.call(tokens_BLC);

    public Tensor Condition(Tensor sigma_B, Tensor pooled_BP)
    {
        using var scope = torch.NewDisposeScope();
        var angle_B = sigma_B * 4;
        var time_BD = time_embedder.call(torch.stack([angle_B.sin(), angle_B.cos()], 1));
        return (time_BD + text_embedder.call(pooled_BP)).MoveToOuterDisposeScope();
    }

    public Tensor Head(Tensor hidden_BLD) => proj_out.call(hidden_BLD);

    public override Tensor forward(Tensor tokens_BLC, Tensor sigma_B, Tensor pooled_BP)
    {
        using var scope = torch.NewDisposeScope();
        var condition_BD = Condition(sigma_B, pooled_BP);
        var hidden_BLD = Embed(tokens_BLC);
        foreach (var block in blocks)
        {
            hidden_BLD = block.call(hidden_BLD, condition_BD);
        }
        return Head(hidden_BLD).MoveToOuterDisposeScope();
    }
}
