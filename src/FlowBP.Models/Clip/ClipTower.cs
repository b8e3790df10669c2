// The arithmetic that every CLIP tower shares, whatever its tensors are called: the released checkpoints exist with
// transformers' names (separate q, k, v) and with open_clip's (one packed projection), and both compute exactly this.
//
// Shapes: B batch, L tokens (or patches + 1), D width, H heads, K = D / H, C channels, Y X pixels.

using FlowBP.Formats;
using FlowBP.Models.Layers;

namespace FlowBP.Models.Clip;

internal static class ClipTower
{
    /// <summary>Multi-head attention between projected queries, keys and values; heads merged again.</summary>
    public static Tensor Attend(Tensor q_BLD, Tensor k_BLD, Tensor v_BLD, int heads, bool causal)
    {
        var q_BHLK = SplitHeads(q_BLD, heads);
        var k_BHLK = SplitHeads(k_BLD, heads);
        var v_BHLK = SplitHeads(v_BLD, heads);
        var attended_BHLK = F.scaled_dot_product_attention(q_BHLK, k_BHLK, v_BHLK, is_casual: causal);
        return attended_BHLK.transpose(1, 2).flatten(2);
    }

    /// <summary>Patches as tokens, the class token first, positions added.</summary>
    /// <param name="patches_BDYX">Output of the patch convolution.</param>
    /// <param name="class_D">The class token.</param>
    /// <param name="position_LD">One row per token.</param>
    public static Tensor EmbedPatches(Tensor patches_BDYX, Tensor class_D, Tensor position_LD)
    {
        var patches_BLD = patches_BDYX.flatten(2).transpose(1, 2);
        var class_B1D = class_D.expand(patches_BLD.shape[0], 1, -1);
        return torch.cat([class_B1D, patches_BLD], 1) + position_LD;
    }

    /// <summary>The hidden state at each prompt's end-of-text position.</summary>
    /// <param name="hidden_BLD">Normalised hidden states.</param>
    /// <param name="ids_BL">Token ids, int64.</param>
    /// <param name="eosTokenId">The end-of-text id; null pools at the largest id of each row.</param>
    public static Tensor PoolAtEnd(Tensor hidden_BLD, Tensor ids_BL, int? eosTokenId)
    {
        var end_B = PositionOfFirstMaximum(eosTokenId is { } eos ? ids_BL.eq(eos).to_type(ScalarType.Int64) : ids_BL);
        var index_B1D = end_B.reshape(-1, 1, 1).expand(-1, 1, hidden_BLD.shape[2]);
        return hidden_BLD.gather(1, index_B1D).squeeze(1);
    }

    /// <summary>Rows of unit Euclidean length.</summary>
    public static Tensor Normalize(Tensor x_BD) => x_BD / x_BD.norm(-1, keepdim: true);

    /// <summary>An activation by its name in a configuration file.</summary>
    /// <exception cref="CheckpointException">The name is not known.</exception>
    public static Func<Tensor, Tensor> Activation(string name, string file) =>
        name switch
        {
            "quick_gelu" => x => x * (x * 1.702).sigmoid(),
            "gelu" => x => F.gelu(x),
            "gelu_new" or "gelu_pytorch_tanh" => Activations.GeluTanh,
            "relu" => x => F.relu(x),
            "silu" or "swish" => x => F.silu(x),
            _ => throw CheckpointException.ForFile(
                file,
                $"key 'hidden_act': found '{name}', expected one of quick_gelu, gelu, gelu_new, gelu_pytorch_tanh, relu, silu"
            ),
        };

    private static Tensor SplitHeads(Tensor x_BLD, int heads) =>
        x_BLD.unflatten(2, [heads, x_BLD.shape[2] / heads]).transpose(1, 2);

    // argmax promises no particular one among equals (end-of-text is also the padding), so the index breaks the tie.
    private static Tensor PositionOfFirstMaximum(Tensor x_BL)
    {
        var length = x_BL.shape[1];
        var position_L = torch.arange(length, dtype: ScalarType.Int64, device: x_BL.device);
        var isMaximum_BL = x_BL.eq(x_BL.amax([1], keepdim: true));
        return torch.where(isMaximum_BL, position_L, torch.full_like(position_L, length)).amin([1]);
    }
}
