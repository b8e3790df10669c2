// Embeddings as text encoders would give them, of the right widths and lengths: a full-size run reads them from files, and its text
// encoders are not in memory either.

using FlowBP.Models.Prompts;

namespace FlowBP.Benchmarks.FullSize;

/// <param name="values">Belongs to the caller, and outlives this object.</param>
/// <param name="tokens">Text tokens of a prompt.</param>
/// <param name="width">Width of the text sequence.</param>
/// <param name="pooled">Width of the pooled text; null: there is none.</param>
internal sealed class RandomPrompts(RandomValues values, long tokens, int width, int? pooled) : IPromptSource
{
    public IReadOnlyDictionary<string, Tensor> Encode(IReadOnlyList<string> prompts)
    {
        Dictionary<string, Tensor> embeddings = new()
        {
            [PromptTensors.Text] = values.Normal(prompts.Count, tokens, width),
        };
        if (pooled is { } size)
        {
            embeddings[PromptTensors.Pooled] = values.Normal(prompts.Count, size);
        }
        return embeddings;
    }

    public void To(Device device)
    {
        // By their names: TorchSharp's devices have no equality of their own.
        if (device.ToString() != values.Device.ToString())
        {
            throw new ArgumentException($"the embeddings are on {values.Device}, asked for {device}");
        }
    }

    public void Dispose() { }
}
