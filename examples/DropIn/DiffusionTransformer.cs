// A small diffusion transformer as one writes it with TorchSharp; nothing in this file knows of FlowBP but the seeded weights.
// Shape legend: B batch, L tokens, D width, C channels of a token, 3D and 4D widths of a layer.

using FlowBP.Models.Layers;

namespace FlowBP.Examples.DropIn;

/// <summary>A block with adaptive layer norms (Peebles and Xie 2023): attention, then an MLP, both modulated by σ.</summary>
internal sealed class DiTBlock : nn.Module<Tensor, Tensor, Tensor>
{
    private readonly int heads;
    private readonly LayerNorm norm1;
    private readonly Linear qkv;
    private readonly Linear attn_out;
    private readonly LayerNorm norm2;
    private readonly Linear mlp_in;
    private readonly Linear mlp_out;
    private readonly Linear modulation;

    public DiTBlock(int width, int heads)
        : base(nameof(DiTBlock))
    {
        this.heads = heads;
        norm1 = nn.LayerNorm(width);
        // No bias: that of the keys has no influence, so its gradient is rounding, which AdamW would scale up.
        qkv = nn.Linear(width, 3 * width, hasBias: false);
        attn_out = nn.Linear(width, width);
        norm2 = nn.LayerNorm(width);
        mlp_in = nn.Linear(width, 4 * width);
        mlp_out = nn.Linear(4 * width, width);
        modulation = nn.Linear(width, 4 * width);
        RegisterComponents();
    }

    public override Tensor forward(Tensor x_BLD, Tensor time_BD)
    {
        using var scope = torch.NewDisposeScope();
        var m = modulation.call(F.silu(time_BD)).unsqueeze(1).chunk(4, dim: -1);
        var h_BLD = x_BLD + m[0] * Attend(norm1.call(x_BLD) * (1 + m[1]));
        var mlp_BLD = mlp_out.call(F.silu(mlp_in.call(norm2.call(h_BLD) * (1 + m[2]))));
        return (h_BLD + m[3] * mlp_BLD).MoveToOuterDisposeScope();
    }

    private Tensor Attend(Tensor x_BLD)
    {
        var (batch, tokens, width) = (x_BLD.size(0), x_BLD.size(1), x_BLD.size(2));
        var qkv_3BHLd = qkv.call(x_BLD).reshape(batch, tokens, 3, heads, width / heads).permute(2, 0, 3, 1, 4);
        var attended = F.scaled_dot_product_attention(qkv_3BHLd[0], qkv_3BHLd[1], qkv_3BHLd[2]);
        return attn_out.call(attended.transpose(1, 2).reshape(batch, tokens, width));
    }
}

/// <summary>A velocity [B, L, C] from noisy tokens [B, L, C] and their σ [B].</summary>
internal sealed class DiffusionTransformer : nn.Module<Tensor, Tensor, Tensor>
{
    private readonly Linear embed;
    private readonly Linear time;
    private readonly ModuleList<DiTBlock> blocks;
    private readonly LayerNorm norm_out;
    private readonly Linear head;

    public DiffusionTransformer(int channels = 4, int width = 64, int depth = 6, int heads = 4)
        : base(nameof(DiffusionTransformer))
    {
        embed = nn.Linear(channels, width);
        time = nn.Linear(1, width);
        blocks = nn.ModuleList([.. Enumerable.Range(0, depth).Select(_ => new DiTBlock(width, heads))]);
        norm_out = nn.LayerNorm(width);
        head = nn.Linear(width, channels);
        RegisterComponents();
        ParameterInitialization.Apply(this, seed: 1);
    }

    /// <summary>The blocks, one after the other.</summary>
    public IEnumerable<DiTBlock> Blocks => blocks;

    /// <summary>How the blocks are run; a trainer may put another way in its place.</summary>
    public Func<Tensor, Tensor, Tensor>? RunBlocks { get; set; }

    public override Tensor forward(Tensor x_BLC, Tensor sigma_B)
    {
        using var scope = torch.NewDisposeScope();
        var time_BD = time.call(sigma_B.unsqueeze(1));
        var h_BLD = embed.call(x_BLC);
        h_BLD = RunBlocks is null ? Loop(h_BLD, time_BD) : RunBlocks(h_BLD, time_BD);
        return head.call(norm_out.call(h_BLD)).MoveToOuterDisposeScope();
    }

    private Tensor Loop(Tensor h_BLD, Tensor time_BD)
    {
        foreach (var block in blocks)
        {
            h_BLD = block.call(h_BLD, time_BD);
        }
        return h_BLD;
    }
}
