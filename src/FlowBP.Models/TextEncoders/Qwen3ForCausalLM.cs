// The whole language model, as its checkpoint holds it. Prompts need no logits; this class has every tensor of the file, so that
// a file can be compared with its configuration, and the numbers of a reference can be followed to the end.
//
// Shapes: B batch, L tokens, V vocabulary.

namespace FlowBP.Models.TextEncoders;

/// <summary>Qwen3 with its output projection: <c>model.*</c> and <c>lm_head.weight</c>.</summary>
public sealed class Qwen3ForCausalLM : nn.Module<Tensor, Tensor?, Tensor>
{
    private readonly Qwen3Model model;
    private readonly Linear? lm_head;

    /// <summary>Builds the network with the tensor library's default initialisation, on the CPU.</summary>
    /// <param name="config">Sizes and options.</param>
    /// <param name="dtype">Type of the parameters; float32 if null.</param>
    public Qwen3ForCausalLM(Qwen3Config config, ScalarType? dtype = null)
        : base(nameof(Qwen3ForCausalLM))
    {
        model = new Qwen3Model(config, config.NumHiddenLayers, withNorm: true, dtype);
        // Tied, the projection is the token embedding and has no tensor of its own.
        lm_head = config.TieWordEmbeddings
            ? null
            : nn.Linear(config.HiddenSize, config.VocabSize, hasBias: false, dtype: dtype);
        RegisterComponents();
    }

    /// <summary>Logits of the next token, at every token.</summary>
    /// <param name="ids_BL">Token ids, int64.</param>
    /// <param name="mask_BL">1 where a token may be attended to, 0 at padding; all are if null.</param>
    /// <returns>[B, L, V].</returns>
    public override Tensor forward(Tensor ids_BL, Tensor? mask_BL)
    {
        using var scope = torch.NewDisposeScope();
        var last_BLD = model.call(ids_BL, mask_BL)[^1];
        var logits_BLV = lm_head is null ? F.linear(last_BLD, model.TokenTable) : lm_head.call(last_BLD);
        return logits_BLV.MoveToOuterDisposeScope();
    }
}
