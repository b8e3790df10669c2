// What every transformers config.json carries besides the architecture: none of it changes the arithmetic of a forward
// pass in evaluation mode.

using FlowBP.Formats;

namespace FlowBP.Models.Layers;

internal static class TransformersKeys
{
    private static readonly string[] WithoutEffect =
    [
        "add_cross_attention",
        "architectures",
        "attention_dropout",
        "bad_words_ids",
        "begin_suppress_tokens",
        "chunk_size_feed_forward",
        "cross_attention_hidden_size",
        "decoder_start_token_id",
        "diversity_penalty",
        "do_sample",
        "dropout",
        "dtype",
        "early_stopping",
        "encoder_no_repeat_ngram_size",
        "exponential_decay_length_penalty",
        "finetuning_task",
        "forced_bos_token_id",
        "forced_eos_token_id",
        "id2label",
        "initializer_factor",
        "initializer_range",
        "is_decoder",
        "is_encoder_decoder",
        "label2id",
        "length_penalty",
        "max_length",
        "min_length",
        "model_type",
        "no_repeat_ngram_size",
        "num_beam_groups",
        "num_beams",
        "num_return_sequences",
        "output_attentions",
        "output_hidden_states",
        "output_scores",
        "prefix",
        "problem_type",
        "pruned_heads",
        "remove_invalid_values",
        "repetition_penalty",
        "return_dict",
        "return_dict_in_generate",
        "sep_token_id",
        "suppress_tokens",
        "task_specific_params",
        "temperature",
        "tf_legacy_loss",
        "tie_encoder_decoder",
        "tie_word_embeddings",
        "tokenizer_class",
        "top_k",
        "top_p",
        "torch_dtype",
        "torchscript",
        "transformers_version",
        "typical_p",
        "use_bfloat16",
        "use_cache",
    ];

    public static void Ignore(ConfigReader json) => json.Ignore(WithoutEffect);

    /// <summary>Refuses the configuration of another kind of network, before its keys are found to be unknown.</summary>
    public static void RequireModelType(ConfigReader json, string expected)
    {
        if (json.OptionalText("model_type") is { } found && found != expected)
        {
            throw CheckpointException.ForFile(json.File, $"found a network of type '{found}', expected '{expected}'");
        }
    }

    public static void RequireHeads(string file, int width, int heads)
    {
        if (heads <= 0 || width <= 0 || width % heads != 0)
        {
            throw CheckpointException.ForFile(
                file,
                $"found width {width} and {heads} heads, expected a multiple of the heads"
            );
        }
    }
}
